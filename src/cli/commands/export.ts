import type { Command } from 'commander'
import type { ExportFormat } from '../../model/export/index.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { openModel, withModelFlags, type ModelFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, ModelFlags {
  output: string
  format?: ExportFormat
}

/** `lrp-native export <model> --output FILE` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('export')
    .description('Write a model for other tools: safetensors for PyTorch, ONNX for onnxruntime and others.')
  withModelFlags(command)
    .requiredOption('--output <file>', 'the file to write')
    .option('--format <name>', 'safetensors or onnx; by default what the file name ends with')
  withCommonFlags(command, [
    'export mlp-digits --output mlp.onnx',
    'export mlp-digits --format safetensors --output weights.safetensors'
  ])
  command.action(async (name: string | undefined, flags: Flags) => {
    const output = await context.begin(flags)
    const { exportModel } = await import('../../model/export/index.js')
    const { model } = await openModel(name, flags)
    try {
      await exportModel(model, flags.output, flags.format)
      output.result({ output: flags.output, name: model.name }, [`${model.name} written to ${flags.output}`])
    } finally {
      model.dispose()
    }
  })
}
