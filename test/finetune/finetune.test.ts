import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Dataset, SplitName } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'
import { take } from '../../src/data/split.js'
import { finetune } from '../../src/finetune/finetune.js'
import type { FinetuneOptions } from '../../src/finetune/options.js'
import { findHead, headGraph } from '../../src/train/head.js'
import { exportModel } from '../../src/model/export/index.js'
import { train } from '../../src/train/train.js'

jest.setTimeout(600_000)

/** The digits from `from` to `to` alone, numbered anew. */
function someDigits(digits: Dataset, from: number, to: number): Dataset {
  const splits = Object.fromEntries(
    Object.entries(digits.splits).map(([name, split]) => {
      const indices = Array.from(split.labels.keys()).filter((i) => split.labels[i]! >= from && split.labels[i]! < to)
      const taken = take(split, indices)
      return [name, { ...taken, labels: taken.labels.map((label) => label - from) }]
    })
  ) as Record<SplitName, Dataset['splits']['train']>
  return { ...digits, name: `digits-${from}-${to}`, classes: digits.classes.slice(from, to), splits }
}

describe('finetune', () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-finetune-'))
  let low: Dataset
  let high: Dataset
  let base = ''
  beforeAll(async () => {
    const digits = await openDataset()
    low = someDigits(digits, 0, 5)
    high = someDigits(digits, 5, 10)
    const { experiment, model } = await train({ data: low, epochs: 10, experimentsRoot: root })
    model.dispose()
    base = experiment.name
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const run = (options: FinetuneOptions) => finetune({ model: base, data: high, experimentsRoot: root, ...options })
  const weights = (folder: string): string => readFileSync(join(folder, 'weights.safetensors')).toString('base64')

  test('a network without one row of outputs is refused before anything is trained', async () => {
    const model = join(import.meta.dirname, '..', 'explain', 'dense', 'unet.pt2')
    await expect(run({ model })).rejects.toThrow(
      'unet has an output of 5x32x32 for each image: only networks with one row of classes or values can be trained'
    )
    await expect(train({ from: model, data: high, experimentsRoot: root })).rejects.toThrow('an output of 5x32x32')
  })

  test('the last layer alone learns new classes; the rest stays, the experiment holds the whole model', async () => {
    const { model, experiment, test: scores } = await run({ epochs: 30, learningRate: 0.02 })
    expect(scores!.metrics.accuracy).toBeGreaterThan(0.75)
    expect(scores!.metrics.perClass.map((one) => one.name)).toEqual(['5', '6', '7', '8', '9'])
    expect(model.classes).toEqual(['5', '6', '7', '8', '9'])
    for (const file of ['test/metrics.json', 'test/confusion.csv', 'history.csv', 'checkpoints/last.safetensors']) {
      expect(existsSync(experiment.path(file))).toBe(true)
    }
    const before = await (await import('../../src/model/save.js')).loadParts(join(root, base))
    const after = await model.stateDict()
    const same = (name: string): boolean =>
      Buffer.from(before.tensors.get(name)!.data).equals(Buffer.from(after.get(name)!.data))
    expect(['1.weight', '1.bias', '3.weight', '3.bias'].map(same)).toEqual([true, true, true, true])
    expect(same('5.weight')).toBe(false)
  })

  test('the whole model learns better', async () => {
    const { test: scores, history } = await run({ mode: 'whole', epochs: 15, learningRate: 2e-3 })
    expect(scores!.metrics.accuracy).toBeGreaterThan(0.93)
    expect(history[0]!.trainLoss).toBeGreaterThan(history.at(-1)!.trainLoss)
  })

  test.each([
    ['cached features', {}],
    ['features of changed images', { augment: { crop: 1 } }],
    ['the whole model', { mode: 'whole' as const }]
  ])('stopped and resumed, ends in the bits of a run that was not (%s)', async (_, options) => {
    const whole = await run({ epochs: 4, ...options })
    const stopped = await run({ epochs: 4, untilEpoch: 2, ...options })
    expect([stopped.completed, stopped.test]).toEqual([false, undefined])
    const resumed = await finetune({ resume: stopped.experiment.name, data: high, experimentsRoot: root })
    expect(resumed.completed).toBe(true)
    expect(weights(resumed.experiment.folder)).toBe(weights(whole.experiment.folder))
    await expect(train({ resume: stopped.experiment.name, data: high, experimentsRoot: root })).rejects.toThrow(
      /finetune --resume/
    )
  })

  test('random changes leave the frozen layers as they are too', async () => {
    const { model } = await run({ epochs: 1, augment: { crop: 1 } })
    const before = await (await import('../../src/model/save.js')).loadParts(join(root, base))
    const after = await model.stateDict()
    expect(Buffer.from(before.tensors.get('1.weight')!.data).equals(Buffer.from(after.get('1.weight')!.data))).toBe(
      true
    )
  })

  test('takes another preprocessing, which the model keeps', async () => {
    const preprocess = join(root, 'preprocessing.json')
    const values = { channels: 1, channelOrder: 'rgb', scale: 1, mean: [0.5], std: [0.25] }
    writeFileSync(preprocess, JSON.stringify({ resize: [8, 8], ...values }))
    const { model } = await run({ epochs: 1, preprocess })
    expect(model.preprocessing).toEqual({ resize: [8, 8], ...values })
    model.dispose()
  })

  test.each([
    [16, 16],
    [512, 64]
  ])('with batches of %d takes %d images a pass through the frozen layers', async (batchSize, pass) => {
    const done: number[] = []
    const onFeatures = (count: number): unknown => done.push(count)
    const { model } = await run({ epochs: 1, batchSize, onFeatures })
    model.dispose()
    expect(done.slice(0, 2)).toEqual([pass, 2 * pass])
  })

  test('gives images the size of a network whose file names no preprocessing', async () => {
    const { model: colours } = await train({ channels: 3, imageSize: [12, 10], epochs: 1, experimentsRoot: root })
    const file = join(root, 'colours.onnx')
    await exportModel(colours, file)
    colours.dispose()
    const onto = { epochs: 1, experimentsRoot: root }
    const results = [await finetune({ model: file, ...onto }), await train({ from: file, ...onto })]
    for (const { model } of results) {
      expect(model.preprocessing).toMatchObject({ resize: [12, 10], channels: 3, mean: [0, 0, 0], std: [1, 1, 1] })
      model.dispose()
    }
    await expect(finetune({ model: file, ...onto, data: low })).rejects.toThrow('needs images of 3x12x10')
  })

  test('starts from the newest experiment where none is named', async () => {
    const newest = await train({ data: low, epochs: 1, hiddenSize: [8], experimentsRoot: root })
    const { model } = await run({ model: undefined, epochs: 1 })
    expect(model.parameterShapes.get('1.weight')).toEqual([8, 64])
    for (const one of [model, newest.model]) one.dispose()
  })

  test('keeps the head where the classes are its own, unless told otherwise', async () => {
    const kept = await run({ data: low, epochs: 1, learningRate: 1e-9 })
    const fresh = await run({ data: low, epochs: 1, learningRate: 1e-9, newHead: true })
    expect(kept.test!.metrics.accuracy).toBeGreaterThan(0.9)
    expect(fresh.test!.metrics.accuracy).toBeLessThan(0.6)
  })

  test.each([
    [{ mode: 'some' as 'whole' }, /^option 'mode' must be one of last-layer, whole, not 'some'$/],
    [{ architecture: 'lenet', resume: 'no-such' }, /no-such/],
    [{ model: 'no-such' }, /no-such/],
    [{ optimizer: 'adan' as 'adam' }, /did you mean 'adam'/],
    [{ hiddenSize: [8] } as FinetuneOptions, /^there is no option 'hiddenSize'/]
  ] as [FinetuneOptions, RegExp][])('refuses %j', async (options, message) => {
    await expect(run(options)).rejects.toThrow(message)
  })

  test('a network that does not end in a linear layer is refused; softmax and flatten behind it are no hindrance', () => {
    const node = (name: string, op: string, inputs: string[], weight?: string) => ({
      name,
      op,
      inputs,
      attributes: {},
      parameters: (weight ? { weight } : {}) as Record<string, string>
    })
    const graph = {
      inputShape: [null, 3, 8, 8],
      nodes: [
        node('a', 'conv2d', ['input'], 'a.weight'),
        node('p', 'relu', ['a']),
        node('c', 'conv2d', ['p'], 'c.weight'),
        node('f', 'flatten', ['c'])
      ],
      output: 'f'
    }
    const head = findHead(graph)
    expect([head.node.name, head.features]).toEqual(['c', 'p'])
    expect(headGraph(graph, head, [4, 6, 6]).nodes.map(({ name, inputs }) => [name, inputs[0]])).toEqual([
      ['c', 'input'],
      ['f', 'c']
    ])
    expect(() => findHead({ ...graph, output: 'a' })).toThrow(/must end in a linear layer or a convolution/)
    expect(() => findHead({ ...graph, nodes: [node('s', 'add', ['input', 'input'])], output: 's' })).toThrow(
      /must end in a linear layer or a convolution/
    )
  })
})
