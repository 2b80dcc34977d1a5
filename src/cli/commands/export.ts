import { exportModel } from '../../model/export/index.js'
import { exportOptions } from '../../model/export/options.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import { provenanceOf } from '../../model/provenance.js'
import { defineCommand, MODEL } from '../command.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, exportOptions],
  examples: [
    'export mlp-digits --output mlp.onnx',
    'export mlp-digits --format safetensors --output weights.safetensors'
  ],
  run: async ({ argument, given, output }) => {
    using model = await Model.load(argument, given(oneInputOptions))
    const { output: file, format } = given(exportOptions)
    await exportModel(model, file, format)
    const provenance = await provenanceOf(model)
    output.result({ output: file, name: model.name, provenance }, [`${model.name} written to ${file}`])
  }
})
