import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from '@jest/globals'
import ts from 'typescript'

const root = join(__dirname, '../../src')

/** Folders of src/ from the bottom up: a file imports from its own folder and from those before it. */
const ORDER = [
  'core',
  'native',
  'experiment',
  'model',
  'rules',
  'plot',
  'distributed',
  'data',
  'explain',
  'scores',
  'train',
  'finetune',
  'tune',
  'evaluate',
  'concepts',
  'audit',
  'results',
  'report',
  'serve',
  'api',
  'cli'
]

/** Files of src/ with the files that they import, types and dynamic imports too; paths from src/. */
const files = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, importsOf(path)])
)

function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, path), 'utf8'))
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(root, join(root, path, '..', name)).replace(/\.js$/, '.ts'))
}

const folderOf = (path: string): string => path.split('/')[0]!

test('imports point down', () => {
  expect([...files.values()].flat().length).toBeGreaterThan(files.size)
  const inFolders = [...files].filter(([path]) => path !== 'index.ts')
  const up = inFolders.flatMap(([path, imports]) =>
    imports.filter((to) => ORDER.indexOf(folderOf(to)) > ORDER.indexOf(folderOf(path))).map((to) => `${path} -> ${to}`)
  )
  expect(up).toEqual([])
  expect(inFolders.map(([path]) => folderOf(path)).filter((folder) => !ORDER.includes(folder))).toEqual([])
})

test('no file imports itself, by whatever way', () => {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, way: string[]): void => {
    if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(' -> '))
    if (way.includes(path) || done.has(path)) return
    for (const to of files.get(path) ?? []) visit(to, [...way, path])
    done.add(path)
  }
  for (const path of files.keys()) visit(path, [])
  expect(cycles).toEqual([])
})
