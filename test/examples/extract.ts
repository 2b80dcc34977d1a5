import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/core/paths.js'

/** A command that a text shows. */
export interface Example {
  /** Where it stands: a file of the docs, or `--help` of a command. */
  where: string
  /** As it is written, without `npx` and comments. */
  text: string
  /** What the text says is printed, for a terminal session. */
  printed?: string[]
}

/** Pages that are written by a script, whose commands are headings. */
const GENERATED = ['options.md', 'ops.md']

/** Every command of the README and of the docs. */
export function examplesOfDocs(): Example[] {
  const pages = ['.', 'how-to'].flatMap((folder) =>
    readdirSync(join(packageRoot, 'docs', folder))
      .filter((name) => name.endsWith('.md') && !GENERATED.includes(name))
      .map((name) => join(folder, name))
  )
  return ['README.md', ...pages.map((name) => join('docs', name))].flatMap((page) => {
    const text = readFileSync(join(packageRoot, page), 'utf8')
    return [...ofFences(text), ...ofProse(text)].map((example) => ({ ...example, where: page }))
  })
}

/** Every example of a command's `--help`. */
export function examplesOfHelp(help: string, where: string): Example[] {
  return [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, text]) => ({ where, text: bare(text!) }))
}

/** JavaScript programs of a page. */
export function programsOf(page: string): string[] {
  const text = readFileSync(join(packageRoot, page), 'utf8')
  return [...text.matchAll(/^```js\n([\s\S]*?)^```/gm)]
    .map(([, code]) => code!)
    .filter((code) => code.includes('import '))
}

/** Any block: the end of one must not be taken for the beginning of the next. */
const FENCE = /^```(\w*)\n([\s\S]*?)^```/gm

function ofFences(text: string): Omit<Example, 'where'>[] {
  const blocks = [...text.matchAll(FENCE)].filter(([, language]) => language === '' || language === 'sh')
  return blocks.flatMap(([, , block]) => {
    const lines = block!.trimEnd().split('\n')
    return lines.flatMap((line, i) => {
      if (!isCommand(line)) return []
      if (!line.startsWith('$ ')) return [{ text: bare(line) }]
      const rest = lines.slice(i + 1)
      const end = rest.findIndex((one) => one.startsWith('$ '))
      return [{ text: bare(line.slice(2)), printed: rest.slice(0, end < 0 ? undefined : end) }]
    })
  })
}

function ofProse(text: string): Omit<Example, 'where'>[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code!)
    .filter((code) => isCommand(code) && !code.includes('<'))
    .map((code) => ({ text: bare(code) }))
}

function isCommand(line: string): boolean {
  return /(^|\s)lrp-native [a-z]/.test(line)
}

/** What may be left out is left out. */
function bare(line: string): string {
  return line
    .replace(/\s+#.*$/, '')
    .replaceAll(/\s*\[[^\]]*\]/g, '')
    .replace(/^npx /, '')
    .trim()
}
