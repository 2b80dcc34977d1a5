import { concepts } from '../../concepts/concepts.js'
import { conceptsOptions } from '../../concepts/options.js'
import { counted } from '../../core/plural.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import { defineCommand, MODEL } from '../command.js'
import { downloadProgress } from '../data-progress.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, conceptsOptions],
  examples: ['concepts', 'concepts path/to/model --data-path path/to/class-folders --class cat --layer layer3.2.conv2'],
  run: async ({ argument, given, output, context: { signal } }) => {
    using model = await Model.load(argument, given(oneInputOptions))
    const { onProgress, done } = output.meter('images')
    const asked = { ...given(conceptsOptions), onDownload: downloadProgress(output), onProgress, signal }
    const { result, folder, files } = await concepts(model, asked).finally(done)
    const lines = result.classes.map((one) => {
      const channels = one.channels.map(({ channel, relevance }) => `${channel} (${(relevance * 100).toFixed(1)} %)`)
      return `${one.class}, ${counted(one.images, 'image')}: channels ${channels.join(', ')}`
    })
    output.result({ ...result, folder, files }, [
      `most relevant channels of ${result.layer}:`,
      ...lines,
      `written to ${folder}`
    ])
  }
})
