import type { Experiment } from '../experiment/experiment.js'
import type { BatchEvent, EpochEvent } from '../native/train-types.js'
import type { Output } from './context.js'

/** Seconds between two lines within an epoch, where stderr is not a terminal that shows a bar. */
const LINE_SECONDS = 10

/** Shows a run as it goes: a bar within the epoch, or a line every ten seconds, and a line after it. */
export function trainProgress(output: Output): {
  onExperiment: (experiment: Experiment) => void
  onProgress: (event: BatchEvent | EpochEvent) => void
  stop: () => void
} {
  const bar = output.progress(1, 'batches')
  const began = Date.now()
  let [first, epochs] = [0, 0]
  const onExperiment = (experiment: Experiment): void => {
    epochs = Number(experiment.manifest.command.epochs)
    noteEmptied(output)(experiment)
  }
  const onProgress = (event: BatchEvent | EpochEvent): void => {
    first ||= event.epoch
    if (event.kind === 'epoch')
      return bar.line(epochLine(event, epochs, (Date.now() - began) / 1000 / (event.epoch - first + 1)))
    const { batch, batches, epoch } = event
    const [speed, name] = [`${Math.round(event.imagesPerSecond)} images/s`, `epoch ${epoch}/${epochs}`]
    bar.update(batch, batches, `${name}  ${score(event.loss, event.accuracy, '  ')}  ${speed}`)
    const line = `${name}, batch ${batch}/${batches}: ${score(event.loss, event.accuracy)}; ${speed}`
    bar.plainLine(line, LINE_SECONDS)
  }
  return { onExperiment, onProgress, stop: () => bar.stop() }
}

/** Tells of an experiment whose name contains "dev" that it replaces an earlier one. */
export function noteEmptied(output: Output): (experiment: Experiment) => void {
  return ({ emptied, folder }) => {
    if (emptied) output.note(`note: emptied ${folder}: its name contains "dev", so the earlier experiment is replaced`)
  }
}

function epochLine(event: EpochEvent, epochs: number, secondsPerEpoch: number): string {
  const left = event.epoch < epochs ? `; ${Math.ceil(secondsPerEpoch * (epochs - event.epoch))} s left` : ''
  return (
    `epoch ${event.epoch}/${epochs}: ${score(event.trainLoss, event.trainAccuracy)}; ` +
    `valid ${score(event.validLoss, event.validAccuracy)}; ` +
    `${Math.round(event.imagesPerSecond)} images/s${left}`
  )
}

/** Regression has no accuracy. */
function score(loss: number, accuracy: number, comma = ', '): string {
  return [`loss ${four(loss)}`, ...(Number.isFinite(accuracy) ? [`accuracy ${four(accuracy)}`] : [])].join(comma)
}

function four(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : '-'
}
