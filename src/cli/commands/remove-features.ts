import { counted } from '../../core/plural.js'
import { removeFeaturesOptions } from '../../evaluate/options.js'
import { removeFeatures } from '../../evaluate/remove-features.js'
import { nounOf } from '../../model/input-kind.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import { defineCommand, MODEL } from '../command.js'
import { downloadProgress } from '../data-progress.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, removeFeaturesOptions],
  examples: [
    'remove-features --rule alpha2beta1',
    'remove-features mlp-digits --rule epsilon --fraction 0.2 0.4 --fill mean'
  ],
  run: async ({ argument, given, output, context: { signal } }) => {
    using model = await Model.load(argument, given(oneInputOptions))
    const noun = nounOf(model.inputKind)
    const { onProgress, done } = output.meter(`${noun}s`)
    const asked = { ...given(removeFeaturesOptions), onDownload: downloadProgress(output), onProgress, signal }
    const result = await removeFeatures(model, asked).finally(done)
    for (const note of result.notes) output.note(`note: ${note}`)
    const percent = (fraction: number): string => (fraction * 100).toFixed(0).padStart(3)
    output.result(result, [
      `mean confidence of the predicted class over ${counted(result.images, noun)}, ${result.method}:`,
      ...result.curve.map(
        ({ fraction, important, unimportant }) =>
          `${percent(fraction)} % removed: most relevant ${important.toFixed(4)}, least relevant ${unimportant.toFixed(4)}`
      ),
      `written to ${result.folder}`
    ])
  }
})
