import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

/** Pages as they are read in the repository; `npm run docs` checks the site that is made of them. */
function pages(): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.startsWith('reference'))
      .map((name) => join(folder, name))
  const root = readdirSync(packageRoot).filter((name) => name.endsWith('.md'))
  return [...root, ...below('docs'), ...below('examples'), 'data/README.md']
}

/** The anchor of a heading as GitHub and scripts/lib/site/slug.mjs make it. */
function slug(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}

const headings = (text: string): string[] =>
  [...text.replace(/^```[^]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!))

/** Links of a page to other files or headings. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^\w+:/.test(link))
}

/** Links of a page that lead nowhere. */
function deadLinks(page: string, text: string): string[] {
  return linksOf(text).filter((link) => {
    const [path, anchor] = decodeURI(link).split('#')
    const target = path ? resolve(packageRoot, dirname(page), path) : join(packageRoot, page)
    if (!existsSync(target) || relative(packageRoot, target).startsWith('..')) return true
    return anchor !== undefined && target.endsWith('.md') && !headings(readFileSync(target, 'utf8')).includes(anchor)
  })
}

test.each(pages())('links of %s', (page) => {
  expect(deadLinks(page, readFileSync(join(packageRoot, page), 'utf8'))).toEqual([])
})

test('a link to a missing file or heading is found', () => {
  const text = '[a](nothing.md) [b](README.md#nothing) [c](README.md#installation) [d](https://example.org)'
  expect(deadLinks('README.md', text)).toEqual(['nothing.md', 'README.md#nothing'])
})

test('the package holds what its pages link to', () => {
  const text = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: packageRoot,
    encoding: 'utf8'
  })
  const [{ files }] = JSON.parse(text) as [{ files: { path: string }[] }]
  const packed = new Set(files.map(({ path }) => path))
  const isThere = (path: string): boolean => packed.has(path) || [...packed].some((one) => one.startsWith(`${path}/`))
  const shipped = [...packed].filter((path) => path.endsWith('.md'))
  expect(shipped).toContain('docs/tutorials/explain-your-model.md')
  const missing = shipped.flatMap((page) =>
    linksOf(readFileSync(join(packageRoot, page), 'utf8'))
      .map((link) => decodeURI(link).split('#')[0]!)
      .filter((path) => path !== '' && !isThere(relative(packageRoot, resolve(packageRoot, dirname(page), path))))
      .map((path) => `${page}: ${path}`)
  )
  expect(missing).toEqual([])
})

test('pages that the program and its docs name in words are there', () => {
  const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
  const named = [...sources, ...pages()].flatMap((path) =>
    [...readFileSync(join(packageRoot, path), 'utf8').matchAll(/\bdocs\/[\w/-]+\.md\b/g)].map(([page]) => page)
  )
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((page) => !existsSync(join(packageRoot, page)))).toEqual([])
})
