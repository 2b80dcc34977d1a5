import * as z from 'zod'
import { required, outputPath } from '../../core/option.js'
import { counted } from '../../core/plural.js'
import { loadOptions } from '../../model/options.js'
import { provenanceOf } from '../../model/provenance.js'
import { Model } from '../../model/model.js'
import { defineCommand, MODEL } from '../command.js'

const options = z.strictObject({
  output: required(outputPath, {
    help: 'folder for the model files model.json and weights.safetensors',
    group: 'output',
    unit: 'folder'
  })
})

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [loadOptions, options],
  examples: [
    'convert resnet.onnx --preprocess imagenet --output models/resnet',
    'convert vgg16.pth --architecture vgg16 --output models/vgg16'
  ],
  run: async ({ argument, given, output }) => {
    using model = await Model.load(argument, given(loadOptions))
    const { output: folder } = given(options)
    await model.save(folder)
    const { name, imageShape: inputShape } = model
    const { length: nodes } = model.graph.nodes
    const provenance = await provenanceOf(model)
    output.result({ output: folder, name, inputShape, nodes, provenance }, [
      `${name}: ${counted(nodes, 'node')}, images of ${inputShape.join('x')}`,
      `written to ${folder}`
    ])
  }
})
