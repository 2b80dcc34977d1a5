import type { Experiment } from '../experiment/experiment.js'
import type { EpochEvent } from '../native/train-types.js'
import { lineChart } from '../plot/chart.js'
import { ResultFolder } from '../plot/result-folder.js'

/** `charts/loss`, and of classifiers `charts/accuracy`: training and validation per epoch. */
export async function writeTrainingCharts(experiment: Experiment, history: EpochEvent[]): Promise<void> {
  const line = (name: string, key: keyof EpochEvent): { name: string; points: [number, number][] } => ({
    name,
    points: history
      .map((event) => [event.epoch, event[key] as number] as [number, number])
      .filter(([, y]) => Number.isFinite(y))
  })
  const loss = [line('train', 'trainLoss'), line('valid', 'validLoss')].filter(({ points }) => points.length > 0)
  const accuracy = [line('train', 'trainAccuracy'), line('valid', 'validAccuracy')].filter(
    ({ points }) => points.length > 0
  )
  const out = new ResultFolder(experiment.path('charts'))
  await out.chart('loss', lineChart('Loss', 'epoch', 'loss', loss))
  if (accuracy.length > 0) await out.chart('accuracy', lineChart('Accuracy', 'epoch', 'accuracy', accuracy, { max: 1 }))
}
