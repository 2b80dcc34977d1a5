import * as z from 'zod'
import { option, outputPath } from '../../core/option.js'
import { counted } from '../../core/plural.js'
import { fitPatternsOptions } from '../../explain/file-options.js'
import { fitPatternsToDataset, savePatterns } from '../../explain/patterns.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import { provenanceOf } from '../../model/provenance.js'
import { defineCommand, MODEL } from '../command.js'
import { downloadProgress } from '../data-progress.js'

const options = z.strictObject({
  output: option(outputPath, {
    help: 'file for the fitted patterns',
    group: 'output',
    unit: 'file',
    default: "patterns.safetensors in the experiment's folder, where explain finds them"
  })
})

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, fitPatternsOptions, options],
  examples: ['fit-patterns', 'fit-patterns mlp-digits --kind all', 'explain mlp-digits --rule patternattribution'],
  run: async ({ argument, given, output, context }) => {
    using model = await Model.load(argument, given(oneInputOptions))
    const { kind = 'positive', ...rest } = given(fitPatternsOptions)
    const { onProgress, done } = output.meter('images')
    const patterns = await fitPatternsToDataset(model, {
      ...rest,
      kind,
      onDownload: downloadProgress(output),
      onProgress,
      signal: context.signal
    }).finally(done)
    const path = given(options).output ?? model.resultFolder('patterns.safetensors')
    await savePatterns(path, patterns)
    const provenance = await provenanceOf(model)
    output.result({ patterns: path, kind, layers: [...patterns.keys()], provenance }, [
      `fitted ${counted(patterns.size, 'layer')}: ${path}`
    ])
  }
})
