import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test as it } from '@jest/globals'
import sharp from 'sharp'
import { openDataset } from '../../src/data/open.js'
import type { Dataset } from '../../src/data/dataset.js'
import { testClassifier as test } from '../../src/scores/test-classifier.js'
import { openExperiment, type Experiment } from '../../src/experiment/experiment.js'
import { native } from '../../src/native/addon.js'
import { readCheckpoint } from '../../src/train/checkpoint.js'
import { saveParts } from '../../src/model/save.js'
import { train, type TrainOptions } from '../../src/train/train.js'

jest.setTimeout(600_000)

describe('train', () => {
  let root = ''
  let digits: Dataset
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'lrp-train-'))
    digits = await openDataset()
    const white = { width: 2, height: 2, channels: 4 as const, background: 'white' }
    await sharp({ create: white }).png().toFile(join(root, 'patch.png'))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const run = (options: TrainOptions) =>
    train({ data: digits, epochs: 4, hiddenSize: [32], experimentsRoot: root, ...options })
  const weights = (experiment: Experiment): string =>
    readFileSync(experiment.path('weights.safetensors')).toString('base64')
  const last = async (experiment: Experiment): Promise<string> => {
    const { snapshot, history } = await readCheckpoint(experiment)
    const bytes = [snapshot.weights, snapshot.optimizer].map((tensors) =>
      Object.entries(tensors).map(([name, { data }]) => [name, Buffer.from(data).toString('base64')])
    )
    return JSON.stringify([bytes, snapshot.state, history.map(({ trainLoss, validLoss }) => [trainLoss, validLoss])])
  }

  it('reaches 95 % on the shipped digits with nothing said, and writes the experiment folder', async () => {
    const { experiment, model, history } = await train({ experimentsRoot: root })
    const { metrics } = await test(model, { data: digits })
    expect(metrics.accuracy).toBeGreaterThanOrEqual(0.95)
    const files = [
      'experiment.json',
      'model.json',
      'weights.safetensors',
      'checkpoints/last.safetensors',
      'history.csv'
    ]
    const charts = ['loss', 'accuracy'].flatMap((name) => [`charts/${name}.svg`, `charts/${name}.png`])
    for (const file of [...files, ...charts]) expect([file, existsSync(experiment.path(file))]).toEqual([file, true])
    expect(readFileSync(experiment.path('history.csv'), 'utf8').trim().split('\n')).toHaveLength(history.length + 1)
  })

  it('gives the same bits for the same seed and other ones for another', async () => {
    const [a, b, c] = [await run({ seed: 3 }), await run({ seed: 3 }), await run({ seed: 4 })]
    expect(await last(a.experiment)).toBe(await last(b.experiment))
    expect(weights(a.experiment)).toBe(weights(b.experiment))
    expect(weights(a.experiment)).not.toBe(weights(c.experiment))
  })

  const hard = {
    model: 'lenet',
    hiddenSize: undefined,
    optimizer: 'rmsprop',
    momentum: 0.9,
    scheduler: 'plateau',
    schedulerPatience: 0,
    augment: 'crop=1,flip,rotation=10,brightness=0.2,erasing=0.3',
    gradientClip: 1,
    accumulate: 3,
    batchSize: 32
  }

  it.each([
    ['adam', {} as { augment?: string }],
    ['everything at once', hard]
  ])('stopped at any batch and resumed, ends in the bits of a run that was not (%s)', async (_, more) => {
    const augment = more.augment === undefined ? {} : { augment: `${more.augment},insert=${join(root, 'patch.png')}` }
    const options = { ...more, ...augment, device: 'cpu' } // the only one that promises it
    const whole = await run(options)
    const stop = new AbortController()
    const onProgress = (event: { kind: string; epoch: number }): void => {
      if (event.kind === 'epoch' && event.epoch === 2) stop.abort()
    }
    const stopped = await run({ ...options, onProgress, signal: stop.signal })
    expect(stopped.reason).toBe('cancelled')
    expect(stopped.completed).toBe(false)
    const resumed = await train({ data: digits, resume: stopped.experiment.name, experimentsRoot: root, device: 'cpu' })
    expect(resumed.completed).toBe(true)
    expect(await last(resumed.experiment)).toBe(await last(whole.experiment))
    expect(weights(resumed.experiment)).toBe(weights(whole.experiment))
    expect(resumed.bestEpoch).toBe(whole.bestEpoch)
  })

  it('trains on from an experiment', async () => {
    const first = await run({ epochs: 8 })
    const next = await run({ from: first.experiment.name, epochs: 1, hiddenSize: undefined })
    expect(next.history[0]!.trainLoss).toBeLessThan(first.history[0]!.trainLoss / 2)
  })

  it('learns with every loss, optimizer and schedule', async () => {
    const losses = (['cross-entropy', 'nll', 'mse', 'huber'] as const).map((loss) => ({
      loss,
      labelSmoothing: loss === 'cross-entropy' ? 0.1 : 0
    }))
    const optimizers = (['adamw', 'rmsprop', 'adagrad'] as const).map((optimizer) => ({
      optimizer,
      weightDecay: 1e-3,
      learningRate: 5e-3
    }))
    const sgd = (['step', 'cosine', 'one-cycle'] as const).map((scheduler) => ({
      optimizer: 'sgd' as const,
      learningRate: 0.1,
      momentum: 0.9,
      nesterov: true,
      scheduler,
      warmupEpochs: 1
    }))
    for (const options of [
      ...losses,
      ...optimizers,
      ...sgd,
      { classWeights: 'balanced' as const },
      { balancedSampling: true }
    ]) {
      const { history } = await run({ epochs: 8, ...options })
      expect([options, history.at(-1)!.validAccuracy > 0.7]).toEqual([options, true])
    }
  })

  it('ends early when validation does not improve', async () => {
    const { reason, history, bestEpoch } = await run({ epochs: 300, learningRate: 0.02, earlyStopping: 3 })
    expect(reason).toBe('early-stopped')
    expect(history).toHaveLength(bestEpoch + 3)
  })

  it('trains only what no group freezes', async () => {
    const before = await run({ epochs: 1 })
    const after = await run({
      epochs: 1,
      from: before.experiment.name,
      groups: [{ match: '^1\\.', frozen: true }],
      hiddenSize: undefined
    })
    const [a, b] = [await before.model.stateDict(), await after.model.stateDict()]
    expect(Buffer.from(a.get('1.weight')!.data).equals(Buffer.from(b.get('1.weight')!.data))).toBe(true)
    expect(Buffer.from(a.get('3.weight')!.data).equals(Buffer.from(b.get('3.weight')!.data))).toBe(false)
  })

  const inBf16 = native().testing.computesBf16 ? it : it.skip
  inBf16('trains in bf16 and keeps its weights in float32', async () => {
    const { model, history } = await run({ precision: 'bf16', epochs: 8 })
    expect((await model.stateDict()).get('1.weight')!.dtype).toBe('f32')
    expect(history.at(-1)!.validAccuracy).toBeGreaterThan(0.8)
  })

  it('stops at a loss that is not finite, naming step and layer', async () => {
    const exploding = run({ optimizer: 'sgd', loss: 'mse', learningRate: 1e30 })
    await expect(exploding).rejects.toMatchObject({
      code: 'NUMERIC',
      message: expect.stringMatching(/step \d+ \(epoch 1\).*layer '\d'/)
    })
  })

  it.each([
    [{ optimizer: 'adan' as 'adam' }, /^option 'optimizer' must be one of .*, not 'adan': did you mean 'adam'\?$/],
    [{ loss: 'cross-entrop' as 'nll' }, /'loss' .*'cross-entrop'.*'cross-entropy'/],
    [{ scheduler: 'cosin' as 'step' }, /'scheduler' .*'cosin'.*'cosine'/],
    [{ precision: 'fp8' as 'fp16' }, /'precision' .*'fp8'/],
    [{ activation: 'rellu' }, /'activation' .*'rellu'.*'relu'/],
    [{ model: 'lenett' }, /model 'lenett'.*'lenet'/],
    [{ augment: 'flipp' }, /augmentation 'flipp'.*'flip'/],
    [{ augment: 'crop' }, /crop=NUMBER/],
    [{ augment: { rotation: 900 } }, /augment\.rotation/],
    [{ learningRate: -1 }, /learningRate/],
    [{ epochs: 0 }, /epochs/],
    [{ classWeights: [1, 2] }, /one number for each of the 10 classes, not 2/],
    [
      { classWeights: 'balanced', loss: 'mse' },
      /^option 'classWeights' works only with the loss cross-entropy or nll, not mse$/
    ],
    [{ labelSmoothing: 0.1, loss: 'nll' }, /^option 'labelSmoothing' works only with the loss cross-entropy, not nll$/],
    [{ model: 'lenet' }, /^option 'hiddenSize' works only with the model mlp, not lenet$/],
    [
      { model: [{ type: 'flatten' }], hiddenSize: undefined, activation: 'tanh' },
      /'activation' .* mlp or lenet, not a list of layers$/
    ],
    [{ momentum: 0.9 }, /^option 'momentum' works only with the optimizer sgd or rmsprop, not adam$/],
    [{ nesterov: true, optimizer: 'rmsprop', momentum: 0.9 }, /'nesterov' .* sgd, not rmsprop/],
    [{ nesterov: true, optimizer: 'sgd' }, /^option 'nesterov' needs a momentum above 0$/],
    [{ schedulerStep: 3 }, /^option 'schedulerStep' works only with the scheduler step, not one-cycle$/],
    [{ schedulerGamma: 0.5, scheduler: 'cosine' }, /'schedulerGamma' .* step or plateau, not cosine/],
    [{ schedulerPatience: 3, scheduler: 'step' }, /'schedulerPatience' .* plateau, not step/],
    [{ augment: 'crop=8' }, /^the padding of the augmentation crop=8 must be smaller than the images, which are 8x8$/],
    [{ groups: [{ match: '^none', frozen: true }] }, /^the pattern '\^none' of freeze matches no tensor/],
    [{ groups: [{ match: '^none' }] }, /^the group '\^none' matches no tensor/],
    [{ groups: [{ match: '.', frozen: true }] }, /frozen/],
    [{ groups: [{ match: '(' }] }, /regular expression/]
  ] as [TrainOptions, RegExp][])('refuses %j', async (options, message) => {
    await expect(run(options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message)
    })
  })

  it('refuses fp16 on the CPU, an empty split, a class without images, another data set on resume', async () => {
    await expect(run({ precision: 'fp16', device: 'cpu' })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    const none = { images: new Uint8Array(0), labels: new Int32Array(0) }
    const empty = { ...digits, splits: { ...digits.splits, train: none } }
    await expect(run({ data: empty })).rejects.toThrow(/train split of digits is empty/)
    await expect(run({ data: { ...digits, classes: [...digits.classes, 'ten'] } })).rejects.toThrow(
      /no image of class 'ten'/
    )
    const { experiment } = await run({ epochs: 1 })
    const other = { ...digits, splits: { ...digits.splits, test: digits.splits.valid } }
    await expect(train({ resume: experiment.name, data: other, experimentsRoot: root })).rejects.toThrow(
      /the data set differs/
    )
  })

  it.each(['batch', 'epoch'])('ends with what a callback throws at a %s', async (kind) => {
    const onProgress = (event: { kind: string }): void => {
      if (event.kind === kind) throw new Error('from the caller')
    }
    const run = train({ data: digits, model: 'resnet20', epochs: 3, experimentsRoot: root, onProgress })
    await expect(run).rejects.toThrow('from the caller')
  })

  it('goes on with its own settings only', async () => {
    const { experiment, model } = await run({ epochs: 3, untilEpoch: 2 })
    model.dispose()
    const resume = (options: TrainOptions): Promise<unknown> =>
      train({ data: digits, resume: experiment.name, experimentsRoot: root, ...options })
    for (const [options, message] of [
      [{ learningRate: 0.5 }, /option 'learningRate' cannot change when resuming mlp-digits\S* \(it was 0\.002\)/],
      [{ model: 'lenet' }, /option 'model' cannot change when resuming mlp-digits\S* \(it was "mlp"\)/],
      [{ seed: 4 }, /option 'seed' cannot change .* \(it was 0\)/],
      [
        { experimentName: 'foo' },
        /option 'experimentName' cannot be combined with --resume: mlp-digits\S* continues in its own folder/
      ],
      [{ epochs: 1 }, /option 'epochs' must be larger than the 2 epochs that mlp-digits\S* already has/]
    ] as const)
      await expect(resume(options)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(message)
      })
    const same = { learningRate: 0.002, hiddenSize: [32], epochs: 4, tensorboard: true }
    const { history } = await train({ data: digits, resume: experiment.name, experimentsRoot: root, ...same })
    expect(history).toHaveLength(4)
    const { command } = (await openExperiment(experiment.name, root)).manifest
    expect(command).toMatchObject({ name: 'train', epochs: 4, tensorboard: true }) // what another resuming goes by
  })

  it('ends with the scores on the test split, unless they are not wanted', async () => {
    const scored = await run({ epochs: 1 })
    expect(scored.test?.metrics.images).toBe(digits.splits.test.labels.length)
    const written = JSON.parse(readFileSync(scored.experiment.path('test', 'metrics.json'), 'utf8')) as object
    expect(written).toMatchObject({ accuracy: scored.test!.metrics.accuracy })
    for (const result of [scored, await run({ epochs: 1, test: false })]) {
      result.model.dispose()
      expect(existsSync(result.experiment.path('test'))).toBe(result === scored)
    }
  })

  it('keeps two runs of one name apart, and empties the folder of a run that has ended', async () => {
    const both = await Promise.all([1, 2].map((seed) => run({ epochs: 1, seed, experimentName: 'dev-twice' })))
    expect(new Set(both.map(({ experiment }) => experiment.name))).toEqual(new Set(['dev-twice', 'dev-twice_1']))
    const emptied: string[] = []
    const onExperiment = (one: Experiment): void => void (one.emptied && emptied.push(one.name))
    const third = await run({ epochs: 1, experimentName: 'dev-twice', onExperiment })
    expect([third.experiment.name, emptied]).toEqual(['dev-twice', ['dev-twice']])
    for (const { model } of [...both, third]) model.dispose()
  })

  it('refuses to resume a run that is still running', async () => {
    const { experiment, model } = await run({ epochs: 3, untilEpoch: 1 })
    model.dispose()
    const resume = (): Promise<{ model: { dispose: () => void } }> =>
      train({ data: digits, resume: experiment.name, experimentsRoot: root })
    const running = await openExperiment(experiment.name, root)
    running.hold()
    await expect(resume()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/is in use: another run/)
    })
    running.release()
    ;(await resume()).model.dispose()
  })

  it('takes the network of another as it is, if it has as many outputs as there are classes', async () => {
    const { experiment, model } = await run({ epochs: 1 })
    const from = experiment.name
    const again = (options: TrainOptions): Promise<unknown> =>
      train({ data: digits, from, experimentsRoot: root, ...options })
    for (const options of [{ model: 'lenet' }, { hiddenSize: [8] }, { normalise: 'fit' }] as TrainOptions[])
      await expect(again(options)).rejects.toThrow(/works only with a new network, not together with 'from'/)
    const unnamed = join(root, 'unnamed')
    await saveParts(unnamed, { ...(await model.toParts()), classes: undefined })
    model.dispose()
    const splits = { ...digits.splits, valid: { images: new Uint8Array(0), labels: new Int32Array(0) } }
    const eleven = { ...digits, classes: [...digits.classes, 'ten'], splits }
    eleven.splits.train = { ...splits.train, labels: splits.train.labels.map((label, i) => (i === 0 ? 10 : label)) }
    await expect(again({ from: unnamed, data: eleven })).rejects.toThrow(
      /the model has 10 classes, but digits needs 11/
    )
  })

  it('a checkpoint that cannot be written ends the run with an error that names it', async () => {
    const onProgress = (): void => {
      const folder = join(root, 'blocked', 'checkpoints')
      if (existsSync(folder) && !statSync(folder).isFile()) rmSync(folder, { recursive: true })
      writeFileSync(folder, '')
    }
    const blocked = run({ experimentName: 'blocked', epochs: 10_000, checkpointSeconds: 0, onProgress })
    await expect(blocked).rejects.toMatchObject({ code: 'IO', message: expect.stringMatching(/checkpoints/) })
  })

  it('trains without a validation split', async () => {
    const data = {
      ...digits,
      splits: { ...digits.splits, valid: { images: new Uint8Array(0), labels: new Int32Array(0) } }
    }
    const { history, bestEpoch, experiment } = await run({ data })
    expect(history[3]!.validLoss).toBeNaN()
    expect(bestEpoch).toBe(4)
    expect((await readCheckpoint(experiment)).history[3]!.validLoss).toBeNaN()
  })
})
