import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { openDataset } from '../../src/data/open.js'
import { testClassifier as score } from '../../src/scores/test-classifier.js'
import { explain, type Explanation } from '../../src/explain/explain.js'
import { describeMethod, METHODS } from '../../src/explain/methods.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { fitPatterns } from '../../src/explain/patterns.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import type { ModelParts } from '../../src/core/graph.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { Model } from '../../src/model/model.js'
import { native } from '../../src/native/addon.js'
import { RULES } from '../../src/rules/catalogue.js'
import { COMPOSITES } from '../../src/rules/composites.js'
import type { Tensor } from '../../src/core/tensor.js'
import { parseAugment } from '../../src/train/augment.js'
import { OPTIMIZERS, train, type TrainOptions } from '../../src/train/train.js'
import { packageRoot } from '../../src/core/paths.js'
import type { EpochEvent } from '../../src/native/train-types.js'
import { freePort } from '../port.js'
import { readJson, relativeError } from '../shared.js'

jest.setTimeout(600_000)

const cuda = native().enableCuda()
const describeCuda = cuda.available ? describe : describe.skip
const folder = mkdtempSync(join(tmpdir(), 'lrp-cuda-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const NETWORKS: Record<string, [number, number, number]> = {
  mlp: [1, 12, 12],
  lenet: [1, 28, 28],
  vgg11_bn: [3, 32, 32],
  resnet20: [3, 32, 32],
  squeezenet1_1: [3, 64, 64],
  densenet121: [3, 32, 32],
  convnext_tiny: [3, 32, 32]
}

async function partsOf(name: string): Promise<ModelParts> {
  const imageShape = NETWORKS[name]!
  const parts = await initialise(buildArchitecture(name, { imageShape, classes: 10, hiddenSize: [20] }), 3)
  return { ...parts, preprocessing: plainPreprocessing(imageShape) }
}

function images(shape: number[], count = 3): Tensor {
  const size = shape.reduce((a, b) => a * b)
  return {
    data: Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * 12.9898) * 1.5),
    shape: [count, ...shape]
  }
}

/** The same call on both devices. */
async function onBoth<T>(parts: () => Promise<ModelParts>, run: (model: Model) => Promise<T>): Promise<[T, T]> {
  const results: T[] = []
  for (const device of ['cpu', 'cuda']) {
    using model = await Model.create(await parts(), device)
    results.push(await run(model))
  }
  return results as [T, T]
}

/** Composites of plain gradients, which nothing is divided by. */
const GRADIENTS = ['guided-backprop', 'deconvnet', 'beta-smooth']

describeCuda(`CUDA beside the CPU${cuda.available ? '' : ` (skipped: ${cuda.reason})`}`, () => {
  test.each(Object.keys(NETWORKS))('every rule and composite on %s gives the same maps', async (name) => {
    const input = images(NETWORKS[name]!)
    const attends = name.startsWith('convnext')
    const choices: ExplainOptions[] = [
      ...COMPOSITES.filter((one) => !attends || one.name.startsWith('attnlrp')).map((one) => ({ composite: one.name })),
      ...RULES.filter((one) => !attends && one.layers === 'weighted' && !/pattern|zbox/.test(one.native)).map(
        ({ name: rule }) => ({ rule })
      )
    ]
    // Stabilisers that are not tiny: networks with random weights divide by sums that nearly cancel.
    const all = choices.map((choice) => {
      const epsilon = GRADIENTS.includes(choice.composite as string) ? undefined : 0.01
      return { ...choice, epsilon, target: [0, 3], conservation: true }
    })
    const explained = async (model: Model, given = input): Promise<Explanation[]> => {
      const found: Explanation[] = []
      for (const options of all) found.push(await explain(model, given, options))
      return found
    }
    const [ours, theirs] = await onBoth(() => partsOf(name), explained)
    // Rounding is amplified as an input is that moves a little.
    const moved = { ...input, data: input.data.map((value, i) => value * (1 + (i % 2 ? 1e-6 : -1e-6))) }
    using model = await Model.create(await partsOf(name), 'cpu')
    const sensitive = await explained(model, moved)
    const apart = all.map(({ rule, composite }: ExplainOptions, i) => ({
      of: rule ?? composite,
      error: relativeError(theirs[i]!.relevance, ours[i]!.relevance),
      rounding: 1e-4 + 20 * relativeError(sensitive[i]!.relevance, ours[i]!.relevance)
    }))
    expect(apart.filter(({ error, rounding }) => !(error < rounding))).toEqual([])
    expect(relativeError(theirs[0]!.logits, ours[0]!.logits)).toBeLessThan(1e-4)
  })

  test.each(METHODS.filter((name) => describeMethod(name).needs !== 'attention'))(
    '%s gives the same maps',
    async (method) => {
      const input = images([1, 28, 28])
      const [ours, theirs] = await onBoth(
        () => partsOf('lenet'),
        (model) => explain(model, input, { method, target: [1, 2], layers: method === 'lrp' ? 'all' : undefined })
      )
      expect(relativeError(theirs.relevance, ours.relevance)).toBeLessThan(1e-3)
      expect(Object.keys(theirs.layers)).toEqual(Object.keys(ours.layers))
    }
  )

  test('patterns are fitted and used alike', async () => {
    const input = images([1, 28, 28], 64)
    const [ours, theirs] = await onBoth(
      () => partsOf('lenet'),
      async (model) => {
        const patterns = await fitPatterns(model, [input])
        return (await explain(model, input, { rule: 'patternattribution', patterns })).relevance
      }
    )
    expect(relativeError(theirs, ours)).toBeLessThan(1e-3)
  })

  test('a CUDA model gives its weights back unchanged', async () => {
    const [ours, theirs] = await onBoth(
      () => partsOf('lenet'),
      (model) => model.stateDict()
    )
    for (const [name, tensor] of ours) expect(Buffer.from(theirs.get(name)!.data)).toEqual(Buffer.from(tensor.data))
  })

  const short = { model: 'mlp', hiddenSize: [32], epochs: 2, batchSize: 100, seed: 5, experimentsRoot: folder }
  const losses = async (options: TrainOptions): Promise<number[]> => {
    const result = await train({ ...short, ...options })
    result.model.dispose()
    return result.history.map((event) => event.trainLoss)
  }
  const expectSameLosses = async (options: TrainOptions): Promise<void> => {
    const [ours, theirs] = [await losses({ ...options, device: 'cpu' }), await losses({ ...options, device: 'cuda' })]
    theirs.forEach((loss, i) => expect(Math.abs(loss / ours[i]! - 1)).toBeLessThan(1e-3))
  }

  test.each(OPTIMIZERS)('%s takes the same steps', async (optimizer) => {
    const more = { momentum: optimizer === 'sgd' ? 0.9 : undefined, weightDecay: 1e-3, learningRate: 0.003 }
    await expectSameLosses({ optimizer, ...more, gradientClip: 1, accumulate: 2, labelSmoothing: 0.1 })
  })

  test.each(['memory', 'none'] as const)('images are changed alike, cache %s', async (cache) => {
    const { splits } = await openDataset()
    for (let i = 0; i < 100; i++) {
      const [label, pixels] = [splits.train.labels[i]!, splits.train.images.subarray(i * 64, i * 64 + 64)]
      mkdirSync(join(folder, 'images', String(label)), { recursive: true })
      const file = join(folder, 'images', String(label), `${i}.png`)
      await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } }).toFile(file)
    }
    const affine = 'crop=2,flip,vertical-flip,rotation=20,translate=0.1,zoom=0.1,shear=5'
    const augment = parseAugment(`${affine},brightness=0.2,contrast=0.2,saturation=0.2,hue=0.1,erasing=0.5`)
    await expectSameLosses({ dataPath: join(folder, 'images'), cache, augment, validSplit: 0.2, batchSize: 20 })
  })

  test.each(['fp32', 'bf16', 'fp16'] as const)('%s learns, stops and goes on', async (precision) => {
    const options = {
      ...short,
      hiddenSize: undefined,
      model: 'resnet20',
      epochs: 6,
      precision,
      device: 'cuda'
    } as const
    const stopped = await train({ ...options, untilEpoch: 3, experimentName: `half-${precision}` })
    stopped.model.dispose()
    expect(stopped.completed).toBe(false)
    const { model, history, completed } = await train({
      resume: stopped.experiment.name,
      experimentsRoot: folder,
      device: 'cuda'
    })
    expect([completed, history.length]).toEqual([true, 6])
    expect((await score(model)).metrics).toMatchObject({ accuracy: expect.closeTo(1, 0.15) })
    expect(model.device).toBe('cuda:0')
    model.dispose()
  })

  test.each([
    ['NCCL, which takes them for two machines', { NCCL_HOSTID: 'rank' }, /^NCCL$/],
    ['Gloo, because NCCL wants a device for each', {}, /^Gloo: .*NCCL/]
  ])('two processes on one device pass gradients over %s', async (_, env, wanted) => {
    const port = await freePort()
    const options = { ...short, experimentName: 'two', device: 'cuda' }
    const script = join(packageRoot, 'test', 'train', 'rank.mjs')
    const args = [script, join(packageRoot, 'dist'), JSON.stringify(options)]
    const ranks = [0, 1].map(async (rank) => {
      const own = Object.fromEntries(Object.keys(env).map((name) => [name, `${rank}`]))
      const group = { RANK: `${rank}`, WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` }
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env: { ...process.env, NCCL_SOCKET_IFNAME: 'lo', ...group, ...own }
      })
      return JSON.parse(stdout) as { name: string; weights: string; history: EpochEvent[] }
    })
    const [first, second] = (await Promise.all(ranks)) as [Awaited<(typeof ranks)[0]>, Awaited<(typeof ranks)[0]>]
    expect(second.weights).toBe(first.weights)
    const { results } = readJson<{ results: object }>(join(folder, first.name, 'experiment.json'))
    expect(results).toMatchObject({ processes: 2, gradients: expect.stringMatching(wanted) })
    const alone = await losses({ device: 'cuda' })
    first.history.forEach(({ trainLoss }, i) => expect(Math.abs(trainLoss / alone[i]! - 1)).toBeLessThan(1e-3))
  })

  test('wrong devices are named', async () => {
    await expect(Model.create(await partsOf('mlp'), 'cuda:99')).rejects.toMatchObject({
      code: 'DEVICE',
      message: expect.stringMatching(/there is no cuda:99: this machine has \d+ CUDA device/)
    })
  })
})
