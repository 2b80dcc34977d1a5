import { COMPOSITES } from '../../rules/composites.js'
import { defineCommand } from '../command.js'

export const register = defineCommand({
  examples: ['composites', 'composites --json'],
  run: ({ output }) =>
    output.result(
      COMPOSITES,
      COMPOSITES.map(({ name, description }) => `${name.padEnd(26)} ${description}`)
    )
})
