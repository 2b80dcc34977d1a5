import { recordedSettings } from '../../core/command-line.js'
import { Model } from '../../model/model.js'
import { loadOptions } from '../../model/options.js'
import { serveOptions } from '../../serve/options.js'
import { serve } from '../../serve/server.js'
import { defineCommand, MODEL } from '../command.js'
import { downloadProgress } from '../data-progress.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [loadOptions, serveOptions],
  examples: ['serve', 'serve mlp-digits --port 9000', 'serve model.onnx --input photos --preprocess imagenet'],
  run: async ({ argument, given, output, context: { signal } }) => {
    const loading = given(loadOptions)
    using model = await Model.load(argument, loading)
    const served = await serve(model, {
      ...given(serveOptions),
      onDownload: downloadProgress(output),
      called: argument ?? model.experiment?.name,
      loadedWith: recordedSettings(loadOptions, loading)
    })
    output.result({ url: served.url }, [`${served.url} (Ctrl-C ends)`])
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    await served.close()
  }
})
