import { LrpError } from '../../core/errors.js'
import { counted } from '../../core/plural.js'
import { train, type TrainResult } from '../../train/train.js'
import { trainOptions } from '../../train/options.js'
import type { ClassificationMetrics } from '../../scores/classification.js'
import { defineCommand } from '../command.js'
import type { Output } from '../context.js'
import { dataProgress, leftOut } from '../data-progress.js'
import { trainProgress } from '../train-progress.js'
import { scoreLine } from './test.js'

export const register = defineCommand({
  options: [trainOptions],
  examples: [
    'train',
    'train --model lenet --epochs 10 --augment rotation=10,translate=0.1',
    'train --data mnist --data-path path/to/mnist --hidden-size 512 256',
    'train --resume mlp-digits'
  ],
  shared: true,
  run: async ({ given, group, output, context: { signal } }) => {
    const { stop, ...progress } = trainProgress(output)
    const result = await train({ ...given(trainOptions), group, ...dataProgress(output), ...progress, signal }).finally(
      stop
    )
    showTrained(result, output, 'train')
  }
})

/**
 * The result of a run, or how to continue one that was stopped.
 * @throws LrpError ABORTED for a stopped run
 */
export function showTrained(result: TrainResult, output: Output, command: string): void {
  const { experiment, history, bestEpoch, completed, reason, shared } = result
  const [classes, values] = [result.test?.metrics, result.testRegression?.metrics]
  const labels = result.testMultilabel?.metrics
  const json = {
    experiment: experiment.name,
    folder: experiment.folder,
    completed,
    reason,
    bestEpoch,
    ...shared,
    test: classes ?? labels ?? values,
    history,
    provenance: experiment.manifest.provenance
  }
  result.model.dispose()
  const { skipped = [], missing } = (experiment.manifest.data ?? {}) as { skipped?: string[]; missing?: string[] }
  if (skipped.length > 0) output.note(leftOut(skipped, missing))
  if (shared?.gradients.startsWith('Gloo:')) output.note(`note: gradients were exchanged over ${shared.gradients}`)
  if (!completed) {
    output.result(json, [])
    const resume = `continue with: npx lrp-native ${command} --resume ${experiment.name}`
    throw new LrpError(
      'ABORTED',
      `the run was stopped after ${counted(history.length, 'epoch')} and saved in ${experiment.folder}; ${resume}`
    )
  }
  const best = history[bestEpoch - 1]
  const [accuracy, loss] = [best?.validAccuracy ?? NaN, best?.validLoss ?? NaN]
  const score = Number.isFinite(accuracy)
    ? `, validation accuracy ${accuracy.toFixed(4)}`
    : Number.isFinite(loss)
      ? `, validation loss ${loss.toPrecision(4)}`
      : ''
  const lines = [
    ...(classes ? classLines(classes) : []),
    ...(labels ? [`test ${scoreLine({ task: 'multilabel', metrics: labels })}`] : []),
    ...(values ? [`test ${scoreLine({ task: 'regression', metrics: values })}`] : [])
  ]
  output.result(json, [...lines, `best epoch ${bestEpoch}${score}`, `experiment: ${experiment.folder}`])
}

function classLines({ accuracy, perClass }: ClassificationMetrics): string[] {
  const rows = perClass.map(
    (one) =>
      `  ${one.name}: TP ${one.truePositives}, FP ${one.falsePositives}, FN ${one.falseNegatives}, TN ${one.trueNegatives}`
  )
  return [`test accuracy ${accuracy.toFixed(4)}`, ...rows]
}
