import { withoutUndefined } from '../core/options.js'
import type { Command } from 'commander'
import type { BatchEvent, EpochEvent } from '../native/train-types.js'
import type { Experiment } from '../experiment/experiment.js'
import type { TrainOptions } from '../train/train.js'
import { collect, realNumber, wholeNumber, type CommonFlags, type Output } from './context.js'
import { LrpError } from '../core/errors.js'
import { readJson } from '../core/files.js'
import { givenData, type DataFlags } from './shared-flags.js'

type Choices = Pick<
  TrainOptions,
  | 'task'
  | 'model'
  | 'normalise'
  | 'preprocess'
  | 'hiddenSize'
  | 'activation'
  | 'loss'
  | 'labelSmoothing'
  | 'classWeights'
  | 'balancedSampling'
  | 'optimizer'
  | 'learningRate'
  | 'momentum'
  | 'nesterov'
  | 'weightDecay'
  | 'freeze'
  | 'scheduler'
  | 'warmupEpochs'
  | 'schedulerStep'
  | 'schedulerGamma'
  | 'schedulerPatience'
  | 'gradientClip'
  | 'accumulate'
  | 'earlyStopping'
  | 'precision'
  | 'augment'
  | 'exclude'
  | 'batchSize'
  | 'epochs'
  | 'threads'
  | 'tensorboard'
>

export interface TrainFlags extends CommonFlags, DataFlags, Omit<Choices, 'threads'> {
  groups?: string
  experimentName?: string
  experiments?: string
  test?: boolean
}

/** What is learnt: the network and its start. */
export function withModelChoice(command: Command): Command {
  return command
    .option('--task <name>', 'classification, or regression: labels are values to be predicted')
    .option('--model <name>', 'network (lrp-native models lists them), or a JSON file with its layers; mlp by default')
    .option(
      '--hidden-size <units...>',
      'mlp: units of each hidden layer (128 64)',
      collect(wholeNumber('--hidden-size', 1))
    )
    .option('--activation <name>', 'mlp, lenet: relu, sigmoid, tanh, leaky-relu, gelu, elu, silu')
    .option(
      '--preprocess <name>',
      'how images are resized, cropped, normalised: imagenet, cifar, or a JSON file (docs/data.md)'
    )
    .option(
      '--normalise <how>',
      'none: values as --preprocess says, else 0 to 1; fit: by the mean and deviation of the training images'
    )
}

/** How it is learnt; shared by train, finetune and tune. */
export function withTrainFlags(command: Command): Command {
  return command
    .option('--loss <name>', 'cross-entropy (classes), nll, mse (regression), mae, huber')
    .option(
      '--label-smoothing <share>',
      'cross-entropy: share given to the other classes (0)',
      realNumber('--label-smoothing')
    )
    .option('--class-weights <weights>', '"balanced", or one number per class, with commas', parseWeights)
    .option('--balanced-sampling', 'draw every class equally often')
    .option('--optimizer <name>', 'sgd, adam, adamw, rmsprop, adagrad')
    .option('--learning-rate <number>', 'step size; of one-cycle the largest (0.002)', realNumber('--learning-rate'))
    .option('--momentum <number>', 'sgd, rmsprop: momentum (0)', realNumber('--momentum'))
    .option('--nesterov', 'sgd: Nesterov momentum')
    .option('--weight-decay <number>', 'weight decay (0)', realNumber('--weight-decay'))
    .option('--scheduler <name>', 'one-cycle, constant, step, cosine, plateau')
    .option('--warmup-epochs <number>', 'epochs over which the rate rises at first (0)', realNumber('--warmup-epochs'))
    .option('--scheduler-step <epochs>', 'step: epochs between falls of the rate (10)', realNumber('--scheduler-step'))
    .option('--scheduler-gamma <factor>', 'step, plateau: factor of a fall (0.1)', realNumber('--scheduler-gamma'))
    .option(
      '--scheduler-patience <epochs>',
      'plateau: epochs before a fall (10)',
      wholeNumber('--scheduler-patience', 0)
    )
    .option('--gradient-clip <norm>', 'largest norm of all gradients together', realNumber('--gradient-clip'))
    .option('--accumulate <batches>', 'batches per optimizer step (1)', wholeNumber('--accumulate', 1))
    .option(
      '--early-stopping <epochs>',
      'stop after this many epochs without improvement',
      wholeNumber('--early-stopping', 0)
    )
    .option('--precision <name>', 'fp32, bf16, fp16 (CUDA)')
    .option(
      '--augment <list>',
      'random-crop,crop=4,flip,vertical-flip,rotation=10,translate=0.1,zoom=0.1,shear=5,brightness=0.2,contrast=0.2,saturation=0.2,hue=0.05,erasing=0.25,insert=PATCH.png'
    )
    .option('--exclude <list>', 'CSV file with a column path: these images are left out (flagged.csv of an audit)')
    .option('--freeze <patterns...>', 'tensors that stay as they are: regular expressions over their names')
    .option(
      '--groups <file>',
      'JSON: [{"match": "^features", "learningRate": 1e-4, "weightDecay": 0}], by tensor names'
    )
    .option('--tensorboard', 'also write an event file for TensorBoard')
    .option('--batch-size <number>', 'images per step (32)', wholeNumber('--batch-size', 1))
    .option('--epochs <number>', 'passes over the training images (20)', wholeNumber('--epochs', 1))
    .option(
      '--experiment-name <name>',
      'folder name; a taken one gets _1, _2, ...; one containing "dev" replaces the earlier experiment'
    )
    .option('--experiments <folder>', 'where experiments lie', 'experiments')
}

/** Flags as options of `train`; what was not given is left out. */
export async function trainOptions(flags: TrainFlags): Promise<TrainOptions> {
  const { task, model, normalise, preprocess, hiddenSize, activation } = flags
  const { loss, labelSmoothing, classWeights, balancedSampling, optimizer } = flags
  const { learningRate, momentum, nesterov, weightDecay, scheduler, warmupEpochs, schedulerStep, schedulerGamma } =
    flags
  const { schedulerPatience, gradientClip, accumulate, earlyStopping, precision, augment, batchSize, epochs, threads } =
    flags
  const { freeze, experimentName, experiments: experimentsRoot, seed, device } = flags
  const groups = await groupsIn(flags.groups)
  const network = { task, model, normalise, preprocess, hiddenSize, activation }
  const aim = { loss, labelSmoothing, classWeights, balancedSampling, freeze, groups }
  const steps = {
    optimizer,
    learningRate,
    momentum,
    nesterov,
    weightDecay,
    gradientClip,
    accumulate,
    batchSize,
    epochs
  }
  const schedule = { scheduler, warmupEpochs, schedulerStep, schedulerGamma, schedulerPatience, earlyStopping }
  const rest = {
    tensorboard: flags.tensorboard,
    test: flags.test === false ? false : undefined,
    precision,
    augment,
    exclude: flags.exclude,
    threads,
    experimentName,
    experimentsRoot,
    seed,
    device
  }
  const { seed: _, imageSize: size, ...source } = givenData(flags)
  const imageSize: TrainOptions['imageSize'] = typeof size === 'number' ? [size, size] : size
  const all = { ...network, ...aim, ...steps, ...schedule, ...rest, ...source, imageSize }
  return withoutUndefined(all)
}

async function groupsIn(file: string | undefined): Promise<TrainOptions['groups']> {
  if (file === undefined) return undefined
  const groups = await readJson(file)
  if (!Array.isArray(groups)) throw new LrpError('INVALID_FILE', `${file} holds no list of groups`)
  return groups as NonNullable<TrainOptions['groups']>
}

function parseWeights(text: string): 'balanced' | number[] {
  return text === 'balanced' ? text : text.split(',').map((part) => realNumber('--class-weights')(part))
}

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
  const onExperiment = ({ emptied, folder, manifest }: Experiment): void => {
    epochs = Number(manifest.command.epochs)
    if (emptied) output.note(emptiedNote(folder))
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

/** Which folder an experiment whose name contains "dev" has taken over. */
export function emptiedNote(folder: string): string {
  return `note: emptied ${folder}: its name contains "dev", so the earlier experiment is replaced`
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
