import type { Command } from 'commander'
import type { BatchEvent, EpochEvent } from '../../train/native.js'
import type { TrainOptions } from '../../train/train.js'
import { collect, realNumber, wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { dataOptions, withDataFlags, type DataFlags } from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags {
  model?: string
  normalise?: 'none' | 'fit'
  hiddenSize?: number[]
  activation?: string
  loss?: TrainOptions['loss']
  optimizer?: TrainOptions['optimizer']
  learningRate?: number
  momentum?: number
  weightDecay?: number
  batchSize?: number
  epochs?: number
  experimentName?: string
  experiments?: string
  from?: string
  resume?: string
}

/** `lrp-native train` */
export function register(program: Command, context: CliContext): void {
  const command = program.command('train').description('Train a network and write its experiment folder.')
  withDataFlags(command)
    .option('--valid-split <share>', 'share of the training images that validates (0.1)', realNumber('--valid-split'))
    .option('--model <name>', 'network (lrp-native models lists them); mlp by default')
    .option('--normalise <how>', 'none: values from 0 to 1; fit: mean 0, deviation 1 over the training images')
    .option(
      '--hidden-size <units...>',
      'mlp: units of each hidden layer (128 64)',
      collect(wholeNumber('--hidden-size', 1))
    )
    .option('--activation <name>', 'relu, sigmoid, tanh, leaky-relu, gelu, elu, silu')
    .option('--loss <name>', 'cross-entropy, nll, mse')
    .option('--optimizer <name>', 'sgd, adam, adamw, rmsprop')
    .option('--learning-rate <number>', 'step size (0.001)', realNumber('--learning-rate'))
    .option('--momentum <number>', 'sgd, rmsprop: momentum (0)', realNumber('--momentum'))
    .option('--weight-decay <number>', 'weight decay (0)', realNumber('--weight-decay'))
    .option('--batch-size <number>', 'images per step (32)', wholeNumber('--batch-size', 1))
    .option('--epochs <number>', 'passes over the training images (20)', wholeNumber('--epochs', 1))
    .option('--experiment-name <name>', 'folder name; a taken one gets _1, _2, ...; one containing "dev" is used again')
    .option('--experiments <folder>', 'where experiments lie', 'experiments')
    .option('--from <model>', 'experiment or model whose weights to start from')
    .option('--resume <experiment>', 'stopped experiment to go on with')
  withCommonFlags(command, [
    'train',
    'train --model lenet --epochs 10 --learning-rate 0.002',
    'train --data mnist --data-path path/to/mnist --hidden-size 512 256',
    'train --resume mlp-digits'
  ])
  command.action((flags: Flags) => runTrain(flags, context))
}

async function runTrain(flags: Flags, context: CliContext): Promise<void> {
  const { LrpError } = await import('../../errors.js')
  const output = await context.begin(flags)
  const { train } = await import('../../train/train.js')
  const {
    model,
    normalise,
    hiddenSize,
    activation,
    loss,
    optimizer,
    learningRate,
    momentum,
    weightDecay,
    batchSize,
    epochs
  } = flags
  const progress = output.progress(1, 'batches')
  const began = Date.now()
  const onProgress = (event: BatchEvent | EpochEvent): void => {
    if (event.kind === 'batch') {
      const note = `epoch ${event.epoch}  loss ${event.loss.toFixed(4)}  accuracy ${event.accuracy.toFixed(4)}`
      return progress.update(event.batch, event.batches, note)
    }
    progress.line(epochLine(event, Date.now() - began, epochs))
  }
  const given = {
    model,
    normalise,
    hiddenSize,
    activation,
    loss,
    optimizer,
    learningRate,
    momentum,
    weightDecay,
    batchSize,
    epochs
  }
  const rest = {
    experimentName: flags.experimentName,
    experimentsRoot: flags.experiments,
    from: flags.from,
    resume: flags.resume
  }
  try {
    const result = await train({
      ...dataOptions(flags),
      ...given,
      ...rest,
      seed: flags.seed,
      device: flags.device,
      onProgress,
      signal: context.signal
    })
    progress.stop()
    const { experiment, history, bestEpoch, completed } = result
    const best = history[bestEpoch - 1]
    const json = { experiment: experiment.name, folder: experiment.folder, completed, bestEpoch, history }
    result.model.dispose()
    if (!completed) {
      output.result(json, [])
      const resume = `go on with: lrp-native train --resume ${experiment.name}`
      throw new LrpError(
        'ABORTED',
        `stopped after ${history.length} epochs; all is saved in ${experiment.folder}; ${resume}`
      )
    }
    const score =
      best && Number.isFinite(best.validAccuracy) ? `, validation accuracy ${best.validAccuracy.toFixed(4)}` : ''
    output.result(json, [`best epoch ${bestEpoch}${score}`, `experiment: ${experiment.folder}`])
  } finally {
    progress.stop()
  }
}

function epochLine(event: EpochEvent, elapsed: number, epochs?: number): string {
  const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(4) : '-')
  const left = epochs ? `  ${Math.round((elapsed / 1000 / event.epoch) * (epochs - event.epoch))} s left` : ''
  return (
    `epoch ${event.epoch}: loss ${number(event.trainLoss)}, accuracy ${number(event.trainAccuracy)}; ` +
    `valid loss ${number(event.validLoss)}, accuracy ${number(event.validAccuracy)}; ${event.seconds.toFixed(2)} s${left}`
  )
}
