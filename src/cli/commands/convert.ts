import type { Command } from 'commander'
import { counted } from '../../core/plural.js'
import { withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { openModel, withModelFlags, type ModelFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, ModelFlags {
  output: string
}

/** `lrp-native convert <model> --output DIR` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('convert')
    .description('Turn any model that can be read (.pt2, .onnx, weights with --architecture) into a folder of ours.')
  withModelFlags(command).requiredOption('--output <folder>', 'where model.json and weights.safetensors are written')
  withCommonFlags(command, [
    'convert resnet.onnx --preprocess imagenet --output models/resnet',
    'convert vgg16.pth --architecture vgg16 --output models/vgg16'
  ])
  command.action(async (name: string | undefined, flags: Flags) => {
    const output = await context.begin(flags)
    const { model } = await openModel(name, flags)
    try {
      await model.save(flags.output)
      const { nodes } = model.graph
      const json = { output: flags.output, name: model.name, inputShape: model.imageShape, nodes: nodes.length }
      const size = `${counted(nodes.length, 'node')}, images of ${model.imageShape.join('x')}`
      output.result(json, [`${model.name}: ${size}`, `written to ${flags.output}`])
    } finally {
      model.dispose()
    }
  })
}
