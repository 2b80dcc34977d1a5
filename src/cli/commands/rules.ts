import { RULES } from '../../rules/catalogue.js'
import type { RuleDescription } from '../../rules/data-rule.js'
import { defineCommand } from '../command.js'

export const register = defineCommand({
  examples: ['rules', 'rules --json'],
  run: ({ output }) =>
    output.result(
      RULES,
      RULES.flatMap((rule) => [
        `${rule.name.padEnd(20)} ${rule.formula}`,
        `${''.padEnd(20)} ${[parametersOf(rule), rule.reference].filter(Boolean).join('; ')}`
      ])
    )
})

function parametersOf({ parameters }: RuleDescription): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(', ')
}
