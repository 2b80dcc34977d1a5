import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { Command } from 'commander'
import { z } from 'zod'
import { COMMANDS } from '../../src/cli/commands/index.js'
import { CliContext } from '../../src/cli/context.js'
import { addFlags, optionsOf } from '../../src/cli/flags.js'
import { functionSections, optionsPage, REFERENCE } from '../../src/cli/options-page.js'
import { run } from '../../src/cli/program.js'
import { entriesOf, GROUPS, option, resumeValues, type Entry } from '../../src/core/option.js'
import { checkEffects } from '../../src/core/option-effects.js'
import { helpLine } from '../../src/core/option-text.js'
import { checkOptions } from '../../src/core/options.js'
import { packageRoot } from '../../src/core/paths.js'
import { perturbationOptions } from '../../src/evaluate/options.js'
import { explainToFilesOptions, type ExplainToFilesOptions } from '../../src/explain/file-options.js'
import type { Inputs } from '../../src/explain/inputs.js'
import { explainOptions } from '../../src/explain/options.js'
import { keyOf } from '../../src/explain/pass-key.js'
import type { Provenance } from '../../src/model/provenance.js'
import { trainOptions } from '../../src/train/options.js'
import { searchOptions } from '../../src/tune/options.js'

/** Schemas whose options are checked for their effect (checkEffects), and the options that decide over others there. */
const DECIDED: [Parameters<typeof entriesOf>[0], string[]][] = [
  [explainOptions, ['method']],
  [explainToFilesOptions, ['format']],
  [trainOptions, ['model', 'optimizer', 'loss', 'scheduler']],
  [searchOptions, ['method']],
  [perturbationOptions, ['fill']]
]

const entries = (schema: Parameters<typeof entriesOf>[0]): [string, Entry][] =>
  entriesOf(schema).map((entry) => [entry.path.join('.'), entry])

/** The text below each heading of a command's help. */
async function helpOf(command: string): Promise<Map<string, string>> {
  const stdout = new PassThrough()
  await run([command, '--help'], new CliContext(stdout, new PassThrough(), new AbortController().signal))
  const parts = String(stdout.read()).split(/^(\S.*):$/m)
  return new Map(parts.flatMap((part, i) => (i % 2 === 1 ? [[part, parts[i + 1]!]] : [])))
}

describe('every option', () => {
  const withCommand = REFERENCE.filter(({ command }) => command !== undefined)
  test.each(withCommand.map(({ name, command, options }) => [name, command!, options] as const))(
    'of %s is a flag of "%s", below its heading of --help',
    async (_, command, options) => {
      const help = await helpOf(command)
      for (const [name, { flag, facts }] of entries(options)) {
        if (flag === undefined) continue
        const [section] = [...help].find(([, text]) => new RegExp(`^  --${flag}( |$)`, 'm').test(text)) ?? []
        expect([name, section]).toEqual([name, GROUPS[facts.group]])
      }
    }
  )

  test('is in docs/options.md, which is not stale (scripts/make-options-page.mjs writes it)', async () => {
    const page = readFileSync(join(packageRoot, 'docs', 'options.md'), 'utf8')
    for (const { options } of REFERENCE) {
      for (const [name, { flag }] of entries(options)) {
        expect(page).toContain(`\`${name}\``)
        if (flag !== undefined) expect(page).toContain(`\`--${flag}\``)
      }
    }
    expect(page).toContain('| `explainInputs` | `--explain-inputs` | `all` or list of names |')
    expect(page).toBe(await optionsPage())
  })

  test.each(Object.keys(COMMANDS))('of "%s" alone is in docs/options.md too', async (command) => {
    const page = readFileSync(join(packageRoot, 'docs', 'options.md'), 'utf8')
    const flags = [...(await helpOf(command)).values()].flatMap((text) => [...text.matchAll(/^ {2}(--[\w-]+)/gm)])
    expect(flags.length).toBeGreaterThan(5)
    for (const [, flag] of flags) expect(page).toContain(`\`${flag}\``)
  })

  test.each(REFERENCE)('of $name that has an effect only with another is refused without it', ({ options }) => {
    for (const { path, facts } of entriesOf(options)) {
      for (const [decider, values] of Object.entries(facts.only ?? {})) {
        const found = DECIDED.some(
          ([schema, deciders]) =>
            deciders.includes(decider) &&
            entriesOf(schema).some((one) => one.path.at(-1) === path.at(-1) && one.facts.only?.[decider] === values)
        )
        expect([path.join('.'), decider, found]).toEqual([path.join('.'), decider, true])
      }
    }
  })

  test('says what it is in a line that begins in lower case', () => {
    for (const { options } of REFERENCE)
      for (const [name, { facts }] of entries(options))
        expect([name, facts.help]).toEqual([name, expect.stringMatching(/^(?![A-Z][a-z]).*[^.]$/)])
  })
})

test.each<[string, z.ZodType, string, string]>([
  ['choices end with "or"', z.enum(['a', 'b', 'c']).default('a'), 'kind of x', 'kind of x: a, b or c (default: a)'],
  [
    'a semicolon follows parentheses',
    z.enum(['a', 'b']).default('b'),
    'a (one) or b (two)',
    'a (one) or b (two); default: b'
  ],
  ['the range of a list is that of each value', z.array(z.int().min(1)), 'sizes', 'sizes (each at least 1)'],
  ['one value or a list', z.union([z.int().min(1), z.array(z.int().min(1))]), 'sizes', 'sizes (at least 1)']
])('a line of --help: %s', (_, type, help, line) => {
  const [entry] = entriesOf(z.strictObject({ x: option(type, { help, group: 'how' }) }))
  expect(helpLine(entry!)).toBe(line)
})

test('one entry is all that a new option needs', () => {
  const shape = {
    damping: option(z.number().min(0).lt(1).default(0.5), {
      help: 'what the new option does',
      group: 'optimiser',
      unit: 'share',
      only: { optimizer: ['sgd'] }
    })
  }
  const schema = z.strictObject({ ...trainOptions.shape, ...shape })
  expect(checkOptions(schema, {})).toMatchObject({ damping: 0.5 })
  expect(() => checkOptions(schema, { damping: 2 })).toThrow("option 'damping' must be below 1, not 2")
  expect(() => checkOptions(schema, { dampin: 0 })).toThrow("there is no option 'dampin': did you mean 'damping'?")
  expect(() => checkEffects(schema, { damping: 0.1 }, { optimizer: 'adam' })).toThrow(
    /works only with the optimizer sgd/
  )
  expect(resumeValues(schema, { damping: 0.1 })).toContainEqual(['damping', 0.1])
  const command = addFlags(new Command().exitOverride(), schema).action(() => {})
  expect(command.helpInformation()).toMatch(
    /\nOptimiser:\n(.+\n)*? {2}--damping <share> +what the new option does \(at least 0, below 1;\s+default: 0\.5\)/
  )
  command.parse(['--damping', '0.25', '--no-test'], { from: 'user' })
  expect(optionsOf(schema, command.opts())).toMatchObject({ damping: 0.25, test: false })
  expect(() => command.parse(['--damping', '1'], { from: 'user' })).toThrow('--damping must be below 1, not 1')
  expect(functionSections([{ name: 'train', options: schema }])).toContain(
    '| `damping` | `--damping` | number, share; at least 0, below 1 | 0.5 | what the new option does; only with optimizer sgd |'
  )
})

describe('a stopped run of explain', () => {
  const provenance: Provenance = { version: '1.0.0', modelSha256: '0'.repeat(64), precision: 'fp32' }
  const inputs = { names: ['a', 'b'], read: async () => ({ data: new Float32Array(4), shape: [1, 4] }) }
  const plan = { name: 'epsilon', rules: [] }
  const key = (options: object): Promise<string> =>
    keyOf(provenance, inputs as unknown as Inputs, plan, options as ExplainToFilesOptions)

  test.each(entries(explainToFilesOptions))('is continued as its options say: %s', async (_, { path, facts }) => {
    const changed = path.reduceRight<unknown>((value, name) => ({ [name]: value }), ['changed'])
    const same = (await key(changed as object)) === (await key({}))
    expect(same).toBe(facts.resume === false)
  })

  test('depends on all options but those that change no result', () => {
    const free = entries(explainToFilesOptions).filter(([, { facts }]) => facts.resume === false)
    expect(free.map(([name]) => name).sort()).toEqual(
      ['cache', 'check', 'group', 'onDownload', 'onProgress', 'output', 'signal'].sort()
    )
  })
})
