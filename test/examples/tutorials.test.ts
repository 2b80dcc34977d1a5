import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const tutorials = join(packageRoot, 'docs', 'tutorials')
const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** A project of a reader: the package is installed, and the examples were copied. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-tutorial-'))
  folders.push(folder)
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true })
  symlinkSync(packageRoot, join(folder, 'node_modules', 'lrp-native'))
  symlinkSync(join(packageRoot, 'node_modules', 'sharp'), join(folder, 'node_modules', 'sharp'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of readdirSync(join(packageRoot, 'examples')).filter((name) => name.endsWith('.mjs')))
    cpSync(join(packageRoot, 'examples', name), join(folder, name))
  return folder
}

interface Block {
  language: string
  text: string
  /** The file that the sentence before the block says to write. */
  file?: string
}

/** Blocks of code in order; "Write `NAME`:" before a block of JSON names a file. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/(?:[Ww]rite\s+`([\w.-]+)`:?\s*)?^```(\w*)\n([^]*?)^```$/gm)].map(
    ([, file, language, text]) => ({
      language: language!,
      text: text!,
      ...(file && { file })
    })
  )
}

/** Runs what a reader would run: shell commands, programs and files to write; returns all output. */
function follow(name: string, folder: string): string {
  let output = ''
  const execute = (command: string, args: string[]): void => {
    output += execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
  for (const { language, text, file } of blocksOf(readFileSync(join(tutorials, name), 'utf8'))) {
    if (file) writeFileSync(join(folder, file), text)
    else if (language === 'js') execute(process.execPath, ['--input-type=module', '-e', text])
    else if (language === 'sh') {
      for (const line of text.trim().split('\n')) {
        const [program, ...args] = line.trim().split(/\s+/)
        if (program === 'npx' && args[0] === 'lrp-native')
          execute(process.execPath, [join(packageRoot, 'dist', 'cli', 'main.js'), ...args.slice(1), '--threads', '1'])
        else if (program === 'node') execute(process.execPath, args)
        else throw new Error(`${name} runs '${program}', which this test does not know`)
      }
    }
  }
  return output
}

const has = (folder: string, ...names: string[]): void =>
  expect(names.filter((name) => !existsSync(join(folder, name)))).toEqual([])

describe('every tutorial does what it says', () => {
  test('explain-your-model.md', () => {
    const folder = project()
    expect(follow('explain-your-model.md', folder)).toContain('[ 1, 1, 8, 8 ]')
    has(folder, 'net.onnx', 'maps/explain.json', 'maps/105.png', 'maps-of-8/105.png', 'arrays/relevance.npy')
  })

  test('is-it-faithful.md', () => {
    const folder = project()
    follow('is-it-faithful.md', folder)
    has(folder, 'removal', 'experiments/digits/evaluation/ranking.csv')
  })

  test('audit-a-classifier.md: the trap is found, and gone after the cure', () => {
    const folder = project()
    const output = follow('audit-a-classifier.md', folder)
    const flagged = (name: string): unknown[] =>
      (JSON.parse(readFileSync(join(folder, name, 'audit.json'), 'utf8')) as { flagged: unknown[] }).flagged
    expect(flagged('audit')).toEqual([expect.objectContaining({ class: '8' })])
    expect(flagged('audit-after')).toEqual([])
    const [before, after] = [...output.matchAll(/test accuracy ([\d.]+)/g)].map(([, value]) => Number(value))
    expect([before! < 0.96, after! > 0.96]).toEqual([true, true])
  })

  test('train-and-compare.md', () => {
    const folder = project()
    follow('train-and-compare.md', folder)
    has(
      folder,
      'experiments/search/tune.csv',
      'experiments/tuned/model.json',
      'experiments/lenet/evaluation/ranking.csv'
    )
  })

  test('write-a-rule.md: with gamma 0, the rule is epsilon', () => {
    const output = follow('write-a-rule.md', project())
    const difference = Number(/largest difference from epsilon: (\S+)/.exec(output)?.[1])
    expect(difference).toBeLessThan(1e-4)
  })

  test('all are listed here', () => {
    const source = readFileSync(join(packageRoot, 'test', 'examples', 'tutorials.test.ts'), 'utf8')
    expect(readdirSync(tutorials).filter((name) => !source.includes(`test('${name}`))).toEqual([])
  })

  test('blocks are read with the files they are written to', () => {
    expect(blocksOf('Write `a.json`:\n\n```json\n{}\n```\n\n```sh\nx\n```\n')).toEqual([
      { language: 'json', text: '{}\n', file: 'a.json' },
      { language: 'sh', text: 'x\n' }
    ])
  })
})
