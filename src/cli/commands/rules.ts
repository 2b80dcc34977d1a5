import type { Command } from 'commander'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'

/** `lrp-native rules` and `lrp-native composites` */
export function register(program: Command, context: CliContext): void {
  const rules = program.command('rules').description('List the rules with their formulas and parameters.')
  withCommonFlags(rules, ['rules', 'rules --json'])
  rules.action(async (flags: CommonFlags) => {
    const output = await context.begin(flags, { needsAddon: false })
    const { RULES } = await import('../../rules/catalogue.js')
    const parameters = (rule: (typeof RULES)[number]): string =>
      Object.entries(rule.parameters)
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(', ')
    output.result(
      RULES,
      RULES.flatMap((rule) => [
        `${rule.name.padEnd(20)} ${rule.formula}`,
        `${''.padEnd(20)} ${[parameters(rule), rule.reference].filter(Boolean).join('; ')}`
      ])
    )
  })
  const composites = program.command('composites').description('List the composites: a rule for each kind of layer.')
  withCommonFlags(composites, ['composites', 'composites --json'])
  composites.action(async (flags: CommonFlags) => {
    const output = await context.begin(flags, { needsAddon: false })
    const { COMPOSITES } = await import('../../rules/composites.js')
    output.result(
      COMPOSITES,
      COMPOSITES.map(({ name, description }) => `${name.padEnd(26)} ${description}`)
    )
  })
}
