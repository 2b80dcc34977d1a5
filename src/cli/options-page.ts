import { Command } from 'commander'
import type { z } from 'zod'
import { entriesOf, GROUPS, type Entry } from '../core/option.js'
import { eitherOf } from '../core/plural.js'
import { besideChoices, choicesOf, defaultText, kindOf, rangeOf } from '../core/option-text.js'
import { auditOptions } from '../audit/options.js'
import { conceptsOptions } from '../concepts/options.js'
import { dataOptions } from '../data/options.js'
import { peerOptions } from '../distributed/options.js'
import { compareOutputsOptions } from '../explain/compare-outputs.js'
import { explainAllOptions } from '../explain/explain-all.js'
import { explainToFilesOptions, fitPatternsOptions } from '../explain/file-options.js'
import { explainOptions } from '../explain/options.js'
import { evaluateOptions, removeFeaturesOptions, scoreMapsOptions } from '../evaluate/options.js'
import { exportOptions } from '../model/export/options.js'
import { loadOptions } from '../model/options.js'
import { reportOptions } from '../report/options.js'
import { testOptions } from '../scores/options.js'
import { serveOptions } from '../serve/options.js'
import { finetuneOptions } from '../finetune/options.js'
import { trainOptions } from '../train/options.js'
import { tuneOptions } from '../tune/options.js'
import { COMMANDS } from './commands/index.js'
import { commonOptions } from './context.js'
import { flagsOf } from './flags.js'

/** A public function with options, and the command that has them as flags. */
interface Described {
  name: string
  command?: string
  options: z.ZodObject
}

/** All of them; an option is described where it is met first. */
export const REFERENCE: readonly Described[] = [
  { name: 'Model.load', options: loadOptions },
  { name: 'openDataset', options: dataOptions },
  { name: 'joinProcessGroup', options: peerOptions },
  { name: 'train', command: 'train', options: trainOptions },
  { name: 'finetune', command: 'finetune', options: finetuneOptions },
  { name: 'tune', command: 'tune', options: tuneOptions },
  { name: 'explain', command: 'explain', options: explainOptions },
  { name: 'explainToFiles', command: 'explain', options: explainToFilesOptions },
  { name: 'explainAll', options: explainAllOptions },
  { name: 'fitPatternsToDataset', command: 'fit-patterns', options: fitPatternsOptions },
  { name: 'exportModel', command: 'export', options: exportOptions },
  { name: 'compareOutputs', command: 'inspect', options: compareOutputsOptions },
  { name: 'testModel', command: 'test', options: testOptions },
  { name: 'evaluate', command: 'evaluate', options: evaluateOptions },
  { name: 'scoreMaps', command: 'evaluate', options: scoreMapsOptions },
  { name: 'removeFeatures', command: 'remove-features', options: removeFeaturesOptions },
  { name: 'concepts', command: 'concepts', options: conceptsOptions },
  { name: 'audit', command: 'audit', options: auditOptions },
  { name: 'report', command: 'report', options: reportOptions },
  { name: 'serve', command: 'serve', options: serveOptions }
]

/** docs/options.md: a table for each public function, and for what only a command has. */
export async function optionsPage(): Promise<string> {
  const owners = new Map<z.ZodType, string>()
  return `${INTRODUCTION}\n${functionSections(REFERENCE, owners)}\n${await commandSections(owners)}`
}

/** @param owners the function that describes each option: the first that has it */
export function functionSections(reference: readonly Described[], owners = new Map<z.ZodType, string>()): string {
  const sections = reference.map(({ name, command, options }) => {
    const entries = entriesOf(options)
    const own = entries.filter(({ type }) => !owners.has(type))
    for (const { type } of own) owners.set(type, name)
    const title = command === undefined ? `## \`${name}\`` : `## \`${name}\`, \`lrp-native ${command}\``
    const others = [...new Set(entries.map(({ type }) => owners.get(type)!))].filter((owner) => owner !== name)
    const also = others.map((owner) => {
      const names = entries.filter(({ type }) => owners.get(type) === owner).map(({ path }) => `\`${path.join('.')}\``)
      return `Described under \`${owner}\`: ${names.join(', ')}.\n`
    })
    return [title, '', ...(own.length > 0 ? [tableOf(own), ''] : []), ...also].join('\n')
  })
  return sections.join('\n')
}

/** Flags that no public function has. */
async function commandSections(owners: Map<z.ZodType, string>): Promise<string> {
  const sections = [`## Every command\n\n${tableOf(entriesOf(commonOptions))}\n`]
  const known = new Set(entriesOf(commonOptions).map(({ flag }) => flag))
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    const command = new Command(name)
    ;(await load()).register(command, undefined as never) // the context is for running it
    const own = REFERENCE.filter((one) => one.command === name).flatMap(({ options }) => entriesOf(options))
    const described = new Set([...known, ...own.map(({ flag }) => flag)])
    const entries = [command, ...command.commands].flatMap((one) => flagsOf(one))
    const others = entries.filter(({ type, flag }) => !owners.has(type) && !described.has(flag))
    if (others.length > 0) sections.push(`## \`lrp-native ${name}\`\n\n${tableOf(others)}\n`)
  }
  return sections.join('\n')
}

const INTRODUCTION = `# Options

This page lists every option of the public functions and the command line. A flag has the type, range and default of its option. An
option without a flag is for programs only. If several functions share an option, only the first function on this page describes the
option. The lines "Described under ..." below a table list the shared options of a function.

\`node scripts/make-options-page.mjs\` writes this page from the schemas in \`src/*/options.ts\`. \`docs/extending.md\` explains how to add
an option.
`

function tableOf(entries: Entry[]): string {
  const order = Object.keys(GROUPS)
  const sorted = [...entries].sort((a, b) => order.indexOf(a.facts.group) - order.indexOf(b.facts.group))
  const head = '| option | flag | value | default | meaning |\n|---|---|---|---|---|'
  return [head, ...sorted.map(rowOf)].join('\n')
}

function rowOf(entry: Entry): string {
  const { path, flag, type, facts } = entry
  const choices = choicesOf(type).map((choice) => `\`${choice}\``)
  const free = choices.length > 0 ? besideChoices(type) : kindOf(type)
  const isProgramOnly = flag === undefined && free === 'object' && facts.unit !== undefined
  const unit = facts.unit === undefined || free.includes(facts.unit) ? '' : facts.unit
  const own = isProgramOnly
    ? facts.unit!
    : free === 'list' && unit
      ? `list of ${unit}`
      : free && [free, unit].filter(Boolean).join(', ')
  const kind = [choices.join(', '), own].filter(Boolean).join(' or ')
  const value = [kind, rangeOf(type)].filter(Boolean).join('; ')
  const effect = Object.entries(facts.only ?? {}).map(([name, values]) => `; only with ${name} ${eitherOf(values)}`)
  const cells = [
    `\`${path.join('.')}\``,
    flag === undefined ? '' : `\`--${flag}\``,
    value,
    defaultText(entry),
    facts.help +
      (flag?.startsWith('no-') ? '; the flag disables this' : '') +
      (facts.inPrograms === undefined ? '' : `; in programs, ${facts.inPrograms}`) +
      effect.join('')
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
