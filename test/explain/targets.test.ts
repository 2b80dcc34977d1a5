import { afterAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GraphNode } from '../../src/core/graph.js'
import type { Tensor } from '../../src/core/tensor.js'
import { explain } from '../../src/explain/explain.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { readNpy, writeNpy } from '../../src/core/npy.js'
import { readJson } from '../shared.js'
import { imagenetPreprocessing } from '../../src/model/preprocessing.js'
import { Model } from '../../src/model/model.js'
import type { ExplainSummary } from '../../src/explain/summary.js'
import { node, weight } from '../models.js'

const models: Model[] = []
afterAll(() => models.forEach((model) => model.dispose()))
const folder = mkdtempSync(join(tmpdir(), 'targets-'))

async function network(
  inputShape: (number | null)[],
  nodes: GraphNode[],
  weights: Record<string, [number[], number[]]>,
  more = {}
): Promise<Model> {
  const tensors = new Map(Object.entries(weights).map(([name, [shape, data]]) => [name, weight(shape, data)]))
  const graph = { inputShape, nodes, output: nodes.at(-1)!.name }
  const model = await Model.create({ name: 'small', graph, tensors, ...more }, 'cpu')
  models.push(model)
  return model
}

const tensor = (shape: number[], ...data: number[]): Tensor => ({ data: Float32Array.from(data), shape })
const epsilon = { rule: 'epsilon', epsilon: 1e-9 } as const
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0)
const near = (found: ArrayLike<number>, wanted: number[], digits = 5): void =>
  wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, digits))

describe('dense outputs', () => {
  // three classes at each of 2 x 3 positions: x, 2 - x and x / 2 of one channel
  const dense = (more = {}): Promise<Model> =>
    network(
      [null, 2, 2, 3],
      [node('head', 'conv2d', ['input'], {}, { weight: 'w' })],
      { w: [[3, 2, 1, 1], [1, 0, -1, 2, 0.5, 0]] }, // prettier-ignore
      { classes: ['sky', 'tree', 'road'], ...more }
    )
  const image = tensor([1, 2, 2, 3], 3, -1, 0, 2, -2, -3, 1, 1, 1, 1, 1, 1)

  test('the class of most positions is explained where the network says it', async () => {
    const found = await explain(await dense(), image, epsilon)
    expect([...found.targets]).toEqual([1])
    expect([...found.regions!.data]).toEqual([0, 1, 1, 0, 1, 1])
    expect(found.regions!.shape).toEqual([1, 1, 2, 3])
    near(found.scores, [3 + 2 + 4 + 5])
    near(found.relevance.data, [0, 1, 0, 0, 2, 3, 0, 2, 2, 0, 2, 2])
    near(found.sums, [14])
    expect(found.conservationError[0]).toBeLessThan(1e-6)
    expect(found).toMatchObject({ kind: 'region', warnings: [] })
  })

  test.each([
    ['all', [1, 1, 1, 1, 1, 1]],
    [
      [0, 2],
      [0, 0, 1, 0, 0, 0]
    ],
    ['predicted', [1, 0, 0, 1, 0, 0]],
    [tensor([2, 3], 0, 9, 0, 0, 0, 1), [0, 1, 0, 0, 0, 1]]
  ] as const)('a class is explained in the region %p', async (region, inside) => {
    const { regions, relevance, sums } = await explain(await dense(), image, {
      ...epsilon,
      target: { class: 'sky', region: region as [number, number] }
    })
    expect([...regions!.data]).toEqual(inside)
    const wanted = inside.map((one, i) => one * image.data[i]!)
    near(relevance.data, wanted)
    near(sums, [sum(wanted)])
  })

  test('a position is a pixel of the input, whatever the size of the output', async () => {
    const model = await network(
      [null, 1, 4, 4],
      [node('head', 'conv2d', ['input'], { stride: 2 }, { weight: 'w' })],
      { w: [[2, 1, 2, 2], [1, 1, 1, 1, 2, 2, 2, 2]] } // prettier-ignore
    )
    const input = tensor([1, 1, 4, 4], ...Array.from({ length: 16 }, (_, i) => i))
    const { relevance } = await explain(model, input, { ...epsilon, target: 1, region: [3, 1] })
    near(
      relevance.data,
      Array.from({ length: 16 }, (_, i) => ([8, 9, 12, 13].includes(i) ? 2 * i : 0))
    )
  })

  test('several classes are a map each; a class that is nowhere has an empty region', async () => {
    const { relevance, regions, sums } = await explain(await dense(), image, { ...epsilon, target: 'all' })
    expect(relevance.shape).toEqual([3, 1, 2, 2, 3])
    expect(regions!.shape).toEqual([3, 1, 2, 3])
    near(sums, [5, 14, 0])
    expect(sum(regions!.data)).toBe(6)
  })

  test('other starts and contrasts hold at every position', async () => {
    const model = await dense()
    const at = { ...epsilon, target: 0, region: [0, 0] as [number, number] }
    const logits = [3, -1, 1.5]
    const p = logits.map((z) => Math.exp(z) / sum(logits.map(Math.exp)))
    near((await explain(model, image, { ...at, start: 'probability' })).sums, [p[0]!])
    near((await explain(model, image, { ...at, start: 'one' })).sums, [1])
    near((await explain(model, image, { ...at, against: 2 })).sums, [1.5])
    const seed = tensor(
      [1, 3, 2, 3],
      ...Array.from({ length: 18 }, (_, i) => (i % 6 ? 0 : [1 - p[0]!, -p[1]!, -p[2]!][i / 6]!))
    )
    const given = await explain(model, image, { ...epsilon, seed })
    near((await explain(model, image, { ...at, start: 'softmax-gradient' })).relevance.data, [...given.relevance.data])
    expect(given).toMatchObject({ kind: 'seed' })
  })

  test('gradients, occlusion and smooth gradients are those of the sum of the region', async () => {
    const model = await dense()
    const target = { class: 1, region: 'predicted' } as const
    const gradient = [0, -1, -1, 0, -1, -1, 0, 2, 2, 0, 2, 2]
    for (const method of ['gradient', 'smoothgrad'] as const)
      near(
        (await explain(model, image, { method, target, ...(method === 'smoothgrad' && { steps: 3 }) })).relevance.data,
        gradient
      )
    const { relevance } = await explain(model, image, { method: 'occlusion', target, window: 1 })
    near(
      relevance.data,
      [0, 3, 2, 0, 4, 5, 0, 3, 2, 0, 4, 5].map((fall) => fall / 2)
    )
  })

  test('a single logit is the class where it is positive', async () => {
    const model = await network([null, 1, 1, 3], [node('head', 'conv2d', ['input'], {}, { weight: 'w' })], { w: [[1, 1, 1, 1], [2]] }) // prettier-ignore
    const { regions, sums } = await explain(model, tensor([1, 1, 1, 3], 1, -1, 2), epsilon)
    expect([...regions!.data]).toEqual([1, 0, 1])
    near(sums, [6])
    const other = await explain(model, tensor([1, 1, 1, 3], 1, -1, 2), { ...epsilon, target: 0 })
    expect([...other.regions!.data]).toEqual([0, 1, 0])
    near(other.relevance.data, [0, 2, 0])
  })

  test('without a class, a region explains the class that the network says at most of its positions', async () => {
    const model = await dense()
    expect([...(await explain(model, image, { ...epsilon, region: [0, 0] })).targets]).toEqual([0])
    expect([...(await explain(model, image, { ...epsilon, region: [0, 1] })).targets]).toEqual([1])
    const column = tensor([2, 3], 1, 0, 0, 1, 1, 0)
    const found = await explain(model, image, { ...epsilon, region: column })
    expect([...found.targets]).toEqual([0])
    near(found.scores, [3 + 2 - 2])
    expect([...(await explain(model, image, { ...epsilon, region: 'all' })).targets]).toEqual([1])
  })

  test('the runner-up has the second highest mean logit in the region', async () => {
    const model = await dense()
    const corner = await explain(model, image, { ...epsilon, region: [0, 0], against: 'runner-up', target: 'all' })
    expect([...corner.against!]).toEqual([2, 0, 0]) // of the logits 3, -1, 1.5
    near(corner.scores, [1.5, -4, -1.5])
    const own = await explain(model, image, { ...epsilon, against: 'runner-up' })
    expect([...own.targets, ...own.against!]).toEqual([1, 2]) // of the means -1.5, 3.5, -0.75
    near(own.scores, [14 + 3])
  })

  test('a mask image, pictures and explain.json', async () => {
    const mask = join(folder, 'mask.png')
    await sharp(Buffer.from([0, 255, 0, 0, 0, 7]), { raw: { width: 3, height: 2, channels: 1 } })
      .png()
      .toFile(mask)
    const wide = join(folder, 'wide.png')
    const columns = Buffer.from(Array.from({ length: 9 * 4 }, (_, i) => (i % 9 > 5 ? 255 : 0)))
    await sharp(columns, { raw: { width: 9, height: 4, channels: 1 } })
      .png()
      .toFile(wide)
    const input = join(folder, 'image.npy')
    await writeNpy(input, image)
    const output = join(folder, 'explained')
    const options = { ...epsilon, input: [input], target: 'tree', region: mask, output, format: ['npy' as const, 'svg' as const] } // prettier-ignore
    await explainToFiles(await dense(), options)
    const smaller = { preprocessing: imagenetPreprocessing(4, 4) } // images come in another size than its own
    const { regions } = await explain(await dense(smaller), image, { ...epsilon, target: 'tree', region: wide })
    expect([...regions!.data]).toEqual([0, 0, 1, 0, 0, 1])
    const { images } = readJson<ExplainSummary>(join(output, 'explain.json'))
    expect(images[0]).toMatchObject({ predicted: 1, share: 4 / 6, target: [1], region: [2 / 6], score: [3 + 5] })
    expect((await readNpy(join(output, 'logits.npy'))).shape).toEqual([1, 3, 2, 3])
    expect(readFileSync(join(output, '0.svg'), 'utf8').match(/stroke="#1a9641"/g)).toHaveLength(2)
  })

  test.each([
    [{ target: 3 }, 'target 3 does not exist: the model has classes 0 to 2'],
    [{ target: 0, region: [2, 0] as [number, number] }, 'is outside the input'],
    [{ region: tensor([2, 3], 0, 0, 0, 0, 0, 0) }, 'is empty'],
    [{ against: 1, target: 1 }, 'must differ from the explained class'],
    [{ target: { class: 'tree', box: 2 } }, "option 'box' needs an output"],
    [{ target: { class: 'tree', box: 2, region: 'all' } }, 'has boxes, not regions'],
    [
      { seed: tensor([1, 3, 3, 2], ...new Array<number>(18).fill(1)) },
      "the initial relevance (option 'seed') has shape"
    ],
    [{ seed: tensor([1, 3, 2, 3], ...new Array<number>(18).fill(1)), target: 1 }, "cannot be combined with 'seed'"]
  ])('%p is refused', async (options, message) => {
    await expect(explain(await dense(), image, options)).rejects.toThrow(message)
  })
})

describe('detection heads', () => {
  // four numbers of a box and two class scores, box after box
  const pairs = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.7], [0, 0], [0, 0], [0, 0], [0, 0]] // prettier-ignore
  const scores = pairs.flatMap((pair) => [0, 0, 0, 0, ...pair])
  const eye = Array.from({ length: 42 * 42 }, (_, i) => Number(i % 43 === 0))
  const head = (after: GraphNode[]): Promise<Model> =>
    network(
      [null, 42],
      [
        node('id', 'linear', ['input'], {}, { weight: 'w' }),
        node('rows', 'reshape', ['id'], { shape: [-1, 7, 6] }),
        ...after
      ],
      { w: [[42, 42], eye] }
    )
  const ultralytics = (): Promise<Model> => head([node('out', 'permute', ['rows'], { dims: [0, 2, 1] })])
  const torchvision = (): Promise<Model> => head([node('scores', 'slice', ['rows'], { dim: 2, start: 4, end: 6 })])
  const input = tensor([1, 42], ...scores)
  const at = (place: number): number[] => scores.map((score, i) => (i === place ? score : 0))

  test.each([
    ['ultralytics', ultralytics],
    ['torchvision', torchvision]
  ])('%s: the score of a class in a box, or in its best', async (_, make) => {
    const model = await make()
    const named = await explain(model, input, { ...epsilon, target: 0, box: 2 })
    near(named.relevance.data, at(16))
    expect(named).toMatchObject({ kind: 'box', targets: Int32Array.of(0), boxes: Int32Array.of(2) })
    const best = await explain(model, input, { ...epsilon, target: 1, box: 'best' })
    near(best.relevance.data, at(11))
    near(best.scores, [0.8])
    const any = await explain(model, input, { ...epsilon, box: 'best' })
    expect([any.targets[0], any.boxes![0]]).toEqual([0, 0])
    const inBox = await explain(model, input, { ...epsilon, box: 2 })
    expect([inBox.targets[0], inBox.boxes![0]]).toEqual([1, 2])
    const all = await explain(model, input, { ...epsilon, target: 'all', box: 'best' })
    expect([...all.boxes!]).toEqual([0, 1])
    const contrast = await explain(model, input, { ...epsilon, box: 'best', against: 'runner-up' })
    expect([...contrast.boxes!, ...contrast.targets, ...contrast.against!]).toEqual([0, 0, 1])
    near(contrast.scores, [0.9 - 0.1])
  })

  test('without a box, or with one that does not exist, they are refused', async () => {
    const model = await ultralytics()
    await expect(explain(model, input, { target: 0 })).rejects.toThrow(
      "pass option 'box' (best, or a number) for a detection head"
    )
    await expect(explain(model, input, { target: 0, box: 7 })).rejects.toThrow('box 7 does not exist')
    await expect(explain(model, input, { target: 2, box: 0 })).rejects.toThrow('target 2 does not exist')
  })
})

describe('embeddings', () => {
  const embedding = (): Promise<Model> => network([null, 2], [node('fc', 'linear', ['input'], {}, { weight: 'w' })], { w: [[3, 2], [1, 0, 0, 2, 1, 1]] }) // prettier-ignore
  const embed = (x: number, y: number): number[] => [x, 2 * y, x + y]
  const cosine = (a: number[], b: number[]): number =>
    sum(a.map((value, i) => value * b[i]!)) / Math.hypot(...a) / Math.hypot(...b)

  test('the cosine similarity to a reference is explained', async () => {
    const model = await embedding()
    const wanted = cosine(embed(1, 2), [1, 0, 1])
    const found = await explain(model, tensor([1, 2], 1, 2), { ...epsilon, reference: tensor([3], 1, 0, 1) })
    near(found.scores, [wanted])
    near(found.sums, [wanted])
    expect(found).toMatchObject({ kind: 'similarity', targets: Int32Array.of(-1) })
    expect(found.conservationError[0]).toBeLessThan(1e-6)
  })

  test('its gradient is the slope of the similarity', async () => {
    const model = await embedding()
    const target = { reference: tensor([3], 1, 0, 1) }
    const { relevance } = await explain(model, tensor([1, 2], 1, 2), { method: 'gradient', target })
    const slope = (dx: number, dy: number): number =>
      (cosine(embed(1 + dx, 2 + dy), [1, 0, 1]) - cosine(embed(1 - dx, 2 - dy), [1, 0, 1])) / 2e-4
    near(relevance.data, [slope(1e-4, 0), slope(0, 1e-4)], 5)
  })

  test('a file of several inputs is compared with by their mean embedding', async () => {
    const path = join(folder, 'references.npy')
    await writeNpy(path, tensor([2, 2], 1, 0, 0, 1))
    const { scores } = await explain(await embedding(), tensor([1, 2], 1, 2), { ...epsilon, reference: path })
    near(scores, [cosine(embed(1, 2), embed(0.5, 0.5))])
  })

  test('what does not fit is refused', async () => {
    const model = await embedding()
    const reference = tensor([2], 1, 0)
    await expect(explain(model, tensor([1, 2], 1, 2), { reference })).rejects.toThrow('does not match an output')
    await expect(explain(model, tensor([1, 2], 1, 2), { reference, target: 1 })).rejects.toThrow(
      "combined with 'reference'"
    )
    await expect(explain(model, tensor([1, 2], 0, 0), { reference: tensor([3], 1, 0, 0) })).rejects.toThrow(
      'an embedding consists of zeros'
    )
  })
})

describe('contrasts of logits', () => {
  const classifier = (): Promise<Model> => network([null, 3], [node('fc', 'linear', ['input'], {}, { weight: 'w' })], { w: [[3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]] }, { classes: ['a', 'b', 'c'] }) // prettier-ignore
  const input = tensor([1, 3], 1, 5, 2)

  test('against a class, or the runner-up of each explained class', async () => {
    const model = await classifier()
    near((await explain(model, input, { ...epsilon, against: 'a' })).relevance.data, [-1, 5, 0])
    const contrast = await explain(model, input, { ...epsilon, against: 'runner-up' })
    near(contrast.relevance.data, [0, 5, -2])
    expect([...contrast.against!]).toEqual([2])
    const all = await explain(model, input, { ...epsilon, target: 'all', against: 'runner-up' })
    near(all.relevance.data, [1, -5, 0, 0, 5, -2, 0, -5, 2])
    near(all.scores, [-4, 3, -3])
    expect([...all.against!]).toEqual([1, 2, 1])
  })

  test('softmax-gradient starts as the gradient of the log-probability', async () => {
    const p = [1, 5, 2].map((z) => Math.exp(z) / sum([1, 5, 2].map(Math.exp)))
    const { relevance } = await explain(await classifier(), input, {
      ...epsilon,
      target: 'c',
      start: 'softmax-gradient'
    })
    near(relevance.data, [-p[0]!, -p[1]!, 1 - p[2]!])
  })
})
