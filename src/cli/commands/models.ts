import { describeArchitectures } from '../../model/architectures/describe.js'
import { defineCommand } from '../command.js'

export const register = defineCommand({
  examples: ['models', 'models --json'],
  bare: true,
  run: ({ output }) => {
    const list = describeArchitectures()
    output.result(
      list,
      list.map(({ name, parameters, imageShape, description }) => {
        const size = parameters.toLocaleString('en-US').padStart(12)
        return `${name.padEnd(19)} ${size}  ${(imageShape?.join('x') ?? 'any').padEnd(9)}  ${description}`
      })
    )
  }
})
