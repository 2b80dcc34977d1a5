import { finetune } from '../../finetune/finetune.js'
import { finetuneOptions } from '../../finetune/options.js'
import { defineCommand, MODEL } from '../command.js'
import { dataProgress } from '../data-progress.js'
import { trainProgress } from '../train-progress.js'
import { showTrained } from './train.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [finetuneOptions],
  examples: [
    'finetune mlp-digits --data-path path/to/class-folders',
    'finetune vgg16.pth --architecture vgg16 --data-path path/to/class-folders --mode whole --learning-rate 0.0001'
  ],
  shared: true,
  run: async ({ argument: model, given, group, output, context: { signal } }) => {
    const { stop, ...progress } = trainProgress(output)
    const shown = { ...dataProgress(output), ...progress, signal }
    const result = await finetune({ ...given(finetuneOptions), model, group, ...shown }).finally(stop)
    showTrained(result, output, 'finetune')
  }
})
