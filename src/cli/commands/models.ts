import { describeArchitectures, type ArchitectureSummary } from '../../model/architectures/describe.js'
import { PUBLISHED_NETWORKS } from '../../model/published-networks.js'
import { defineCommand } from '../command.js'

export const register = defineCommand({
  examples: ['models', 'models --json'],
  run: ({ output }) => {
    const list = describeArchitectures()
    output.result(list, [
      ...list.map(architectureLine),
      '',
      'Networks with published weights, which are downloaded when you first use the name as a model:',
      ...Object.keys(PUBLISHED_NETWORKS).map(publishedLine)
    ])
  }
})

function architectureLine({ name, parameters, imageShape, description }: ArchitectureSummary): string {
  const size = parameters.toLocaleString('en-US').padStart(12)
  return `${name.padEnd(19)} ${size}  ${(imageShape?.join('x') ?? 'any').padEnd(9)}  ${description}`
}

function publishedLine(name: string): string {
  const { weights, licence, data, source } = PUBLISHED_NETWORKS[name]!
  const size = `${(weights.bytes / 1e6).toFixed(1)} MB`.padStart(12)
  return `${name.padEnd(19)} ${size}  ${licence}, ${data}; pip package ${source}`
}
