import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

/** Phrases that no native speaker writes, and what to write instead. */
const BANNED: [RegExp, string][] = [
  [/\bmends?\b/, 'fixes'],
  [/\bhopeless\b/, 'the worst'],
  [/\b(goes|go) on\b/, 'continues'],
  [/\bhanded on\b/, 'propagated'],
  [/\bat most so many\b/, 'maximum number of'],
  [/\bof (yours|ours)\b(?!,? or of|:| is)/, 'your, our'],
  [/\bbeside\b/, 'next to, compared with'],
  [/\banew\b/, 'again'],
  [/\bis none of\b/, 'must be'],
  [/\bhold(s|ing)? no\b/, 'contains no'],
  [/\bso many\b/, 'this number of'],
  [/\bwhere there (is|are) (one|none)\b/, 'if there is one'],
  [/\bwhoever\b/, 'who'],
  [/\bis wanted\b/, 'is expected'],
  [/(?<!\bthere )\bis no\b(?! longer| better)/i, 'is not a'],
  [/\bstands? in (it|them) twice\b/, 'contains twice'],
  [/^#+ (Begin|Going out|What it reaches|Beside .*)$/m, 'Quick start, Export, Results']
]

/** Phrases of the same kind that pages and messages avoid; docstrings are older than this list. */
const READ_BY_USERS: [RegExp, string][] = [
  [/\bspeaks? (for|against)\b/, 'is evidence for, against'],
  [/\bput together again\b/, 'fused'],
  [/\bgoes with\b/, 'works only with'],
  [/\bgo together\b/, 'can be combined'],
  [/\bbelongs? together\b/, 'match'],
  [/\blisten(s|ing)? at\b/, 'listens on'],
  [/\b(images|bytes) in all\b/, 'in total'],
  [/\bof one's own\b/, 'your own'],
  [/\bcannot be done\b/, 'is not supported'],
  [/\b(is|are) not offered\b/, 'is not supported'],
  [/\bthose there are\b/, 'all'],
  [/\b(tell|tells|told) (\w+ )*apart\b/, 'distinguish'],
  [/\btaken as (it is|they are)\b/, 'used unchanged'],
  [/\bsurest\b/, 'most confident'],
  [/\bat hand\b/, 'current'],
  [/\blies? (at|in|on|outside|along|between)\b/, 'is'],
  [/\b(is|are) (asked for|wanted)\b/, 'is requested, is expected'],
  [/\bwhere there is\b/, 'if there is'],
  [/\bhand(s|ed)? over\b/, 'passes'],
  [/\bhold(s|ing)? values\b/, 'contains values'],
  [/\bthe time is up\b/, 'timed out'],
  [/\ba text(,| that)/, 'a string']
]

function filesOf(folder: string, ending: string): string[] {
  const names = readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name))
}

/** Pages of docs/, without those that `npm run docs` makes. */
const pages = (): string[] => filesOf('docs', '.md').filter((name) => !name.startsWith(join('docs', 'reference')))

/** Quoted texts of TypeScript without its comments, which users do not meet. */
function textsOf(source: string): string {
  const code = source.replace(/\/\*[^]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
  return (code.match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? [])
    .join('\n')
    .replace(/\$\{[^}]*\}/g, 'X')
}

const found = (text: string, phrases = [...BANNED, ...READ_BY_USERS]): string[] =>
  phrases.flatMap(([phrase, instead]) => {
    const match = phrase.exec(text)
    return match ? [`"${text.slice(Math.max(0, match.index - 30), match.index + 40)}": write ${instead}`] : []
  })

describe('plain English', () => {
  test.each([
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'examples/README.md',
    'data/README.md',
    ...pages()
  ])('%s', (name) => {
    expect(found(readFileSync(join(packageRoot, name), 'utf8'))).toEqual([])
  })

  test('in messages and --help', () => {
    const all = filesOf('src', '.ts').map((name) => [
      name,
      found(textsOf(readFileSync(join(packageRoot, name), 'utf8')))
    ])
    expect(all.filter(([, phrases]) => phrases!.length > 0)).toEqual([])
  })

  test('in docstrings', () => {
    const docstrings = (name: string): string =>
      (readFileSync(join(packageRoot, name), 'utf8').match(/\/\*\*[^]*?\*\//g) ?? []).join('\n')
    const all = filesOf('src', '.ts').map((name) => [name, found(docstrings(name), BANNED)])
    expect(all.filter(([, phrases]) => phrases!.length > 0)).toEqual([])
  })

  test('in messages of C++', () => {
    const all = [...filesOf('native', '.cpp'), ...filesOf('native', '.h')].map((name) => [
      name,
      found(textsOf(readFileSync(join(packageRoot, name), 'utf8').replaceAll("'", ' ')))
    ])
    expect(all.filter(([, phrases]) => phrases!.length > 0)).toEqual([])
  })

  test('in messages of the set-up scripts', () => {
    const all = filesOf('scripts', '.mjs').map((name) => [
      name,
      found(textsOf(readFileSync(join(packageRoot, name), 'utf8')))
    ])
    expect(all.filter(([, phrases]) => phrases!.length > 0)).toEqual([])
  })

  test('is told from translated English', () => {
    expect(found('x.onnx is no usable file')).toHaveLength(1)
    expect(found('the position lies outside the image')).toHaveLength(1)
    expect(found("there is no rule 'x'")).toEqual([])
    expect(textsOf("// it goes on\nconst a = 'it stops' /* anew */")).toBe("'it stops'")
  })
})
