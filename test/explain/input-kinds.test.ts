import { afterAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GraphNode } from '../../src/core/graph.js'
import { sizeOf, type RawTensor, type Tensor } from '../../src/core/tensor.js'
import { writeNpy } from '../../src/core/npy.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import { picturesOf } from '../../src/evaluate/images.js'
import { scoreMaps } from '../../src/evaluate/score-maps.js'
import { removeFeatures } from '../../src/evaluate/remove-features.js'
import { perturbed } from '../../src/evaluate/perturbation/curves.js'
import { stepsTo } from '../../src/evaluate/perturbation/steps.js'
import { explain } from '../../src/explain/explain.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { drawMaps } from '../../src/explain/figures.js'
import { readVocabulary } from '../../src/model/classes.js'
import { nounOf, type InputKind } from '../../src/model/input-kind.js'
import { Model } from '../../src/model/model.js'
import { serve } from '../../src/serve/server.js'
import { node, weight } from '../models.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-kinds-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Numbers from -1 to 1 that depend on the seed. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: count }, () => (state = (state * 48271) % 2147483647) / 2 ** 30 - 1)
}

const random = (shape: number[], seed: number): RawTensor => weight(shape, numbers(sizeOf(shape), seed))

interface Case {
  kind: InputKind
  image: number[]
  nodes: GraphNode[]
  tensors: Record<string, RawTensor>
}

const linear = (name: string, input: string): GraphNode =>
  node(name, 'linear', [input], {}, { weight: `${name}.weight`, bias: `${name}.bias` })
const head = { 'last.weight': random([3, 4], 5), 'last.bias': random([3], 6) }
const convolution = (op: string, kernel: number[]): Case['nodes'] => [
  node('conv', op, ['input'], { padding: kernel.map(() => 1) }, { weight: 'conv.weight', bias: 'conv.bias' }),
  node('relu', 'relu', ['conv']),
  node('mean', 'mean', ['relu'], { dim: kernel.map((_, i) => i + 2), keepdim: false }),
  linear('last', 'mean')
]

const CASES: Case[] = [
  {
    kind: 'signal',
    image: [2, 12],
    nodes: convolution('conv1d', [3]),
    tensors: { 'conv.weight': random([4, 2, 3], 1), 'conv.bias': random([4], 2), ...head }
  },
  {
    kind: 'volume',
    image: [1, 5, 4, 6],
    nodes: convolution('conv3d', [3, 3, 3]),
    tensors: { 'conv.weight': random([4, 1, 3, 3, 3], 1), 'conv.bias': random([4], 2), ...head }
  },
  {
    kind: 'table',
    image: [7],
    nodes: [linear('first', 'input'), node('relu', 'relu', ['first']), linear('last', 'relu')],
    tensors: { 'first.weight': random([4, 7], 1), 'first.bias': random([4], 2), ...head }
  },
  {
    kind: 'tokens',
    image: [6],
    nodes: [
      node('whole', 'aten::to.dtype', ['input'], { arguments: ['self'], dtype: 'int64' }),
      node('table', 'constant', [], {}, { value: 'table' }),
      node('embedding', 'aten::embedding', ['table', 'whole'], { arguments: ['weight', 'indices'] }),
      linear('first', 'embedding'),
      node('relu', 'relu', ['first']),
      node('mean', 'mean', ['relu'], { dim: [1], keepdim: false }),
      linear('last', 'mean')
    ],
    tensors: {
      table: random([9, 5], 7),
      'first.weight': random([4, 5], 1),
      'first.bias': random([4], 2),
      ...head
    }
  }
]

function build({ image, nodes, tensors }: Case, vocabulary?: string[]): Promise<Model> {
  const graph = { inputShape: [null, ...image], nodes, output: 'last' }
  return Model.create({ name: 'net', graph, tensors: new Map(Object.entries(tensors)), vocabulary })
}

function inputsOf({ kind, image }: Case, images = 2): Tensor {
  const data = numbers(images * sizeOf(image), 11)
  return {
    data: kind === 'tokens' ? data.map((value) => Math.floor((value + 1) * 4.49)) : data,
    shape: [images, ...image]
  }
}

describe.each(CASES.map((one) => [one.kind, one] as const))('%s', (kind, one) => {
  const path = join(folder, `${kind}.npy`)

  test('is told by the graph, explained and drawn', async () => {
    using model = await build(one)
    expect(model.inputKind).toBe(kind)
    await writeNpy(path, inputsOf(one))
    const output = join(folder, `explained-${kind}`)
    const { explanation } = await explainToFiles(model, {
      input: [path],
      output,
      rule: 'epsilon',
      compare: ['zplus'],
      format: ['png', 'svg', 'npy', 'html']
    })
    expect(explanation!.relevance.shape).toEqual([2, ...one.image])
    for (const name of ['0.png', '1.png', '0.svg', 'compare.png', 'relevance.npy', 'explanation.html'])
      expect(readdirSync(output)).toContain(name)
  })

  test('maps are drawn in the colours of their relevance', async () => {
    using model = await build(one)
    const input = inputsOf(one, 1)
    const explanation = await explain(model, input, { rule: 'epsilon' })
    const batch = { input, names: ['a'] }
    const [[original, map] = []] = await drawMaps(model, batch, explanation, { heatmap: { colourMap: 'bwr' } })
    const negated = {
      ...explanation,
      relevance: { ...explanation.relevance, data: explanation.relevance.data.map((v) => -v) }
    }
    const [[, other] = []] = await drawMaps(model, batch, negated, { heatmap: { colourMap: 'bwr' } })
    const balance = ({ data }: { data: Uint8Array }): number => {
      let sum = 0
      for (let i = 0; i < data.length; i += 3) sum += data[i]! - data[i + 2]!
      return sum
    }
    expect(balance(original!.picture)).toBe(0)
    expect(balance(map!.picture) * balance(other!.picture)).toBeLessThan(0)
    const view = { views: ['contours' as const] }
    if (kind === 'volume') expect((await drawMaps(model, batch, explanation, view))[0]![1]!.outlines).toBeDefined()
    else await expect(drawMaps(model, batch, explanation, view)).rejects.toThrow(/images and volumes/)
  })

  test('is evaluated: curves that fall, scores of given maps, removal', async () => {
    using model = await build(one)
    await writeNpy(path, inputsOf(one, 4))
    const output = join(folder, `evaluated-${kind}`)
    const perturbation = { steps: 3, ...(kind === 'signal' || kind === 'volume' ? { patchSize: 2 } : {}) }
    const found = await evaluate(model, {
      input: [path],
      methods: ['epsilon', 'random'],
      metrics: 'all',
      perturbation,
      output
    })
    const { morf, scores } = found.methods[0]!
    expect(new Set(morf.mean).size).toBeGreaterThan(1)
    expect(scores).toHaveProperty('abc')
    expect('insertion' in scores).toBe(kind === 'signal' || kind === 'volume')
    expect('infidelity' in scores).toBe(kind !== 'tokens')
    expect(readdirSync(output)).toContain('perturbed.png')
    const { relevance } = await explain(model, inputsOf(one, 4), { rule: 'epsilon' })
    const given = await scoreMaps(model, {
      input: inputsOf(one, 4),
      attribution: relevance,
      metrics: ['abc', 'sparseness']
    })
    expect(given.sparseness).toHaveLength(4)
    const removed = join(folder, `removed-${kind}`)
    const { curve } = await removeFeatures(model, { input: [path], rule: 'epsilon', output: removed, pictures: 1 })
    expect(curve.at(-1)!.important).not.toBe(curve[0]!.important)
    expect(readdirSync(removed)).toContain('0.png')
  })

  test('is evaluated with methods that can explain it, if none are named', async () => {
    using model = await build(one)
    await writeNpy(path, inputsOf(one))
    const perturbation = { steps: 2 }
    const { methods } = await evaluate(model, { input: [path], metrics: ['abc'], perturbation })
    const names = methods.map(({ name }) => name).toSorted()
    const others = ['alpha2beta1', 'epsilon', 'epsilon-plus', 'input-x-gradient', 'random']
    expect(names).toEqual(kind === 'tokens' ? others : [...others, 'gradient'].toSorted())
  })

  test('images are refused, as inputs and as a reference', async () => {
    using model = await build(one)
    const photo = join(folder, 'photo.png')
    await sharp({ create: { width: 4, height: 4, channels: 3, background: '#888' } }).toFile(photo)
    const shape = one.image.join('x')
    const message = `net takes ${nounOf(kind)}s of ${shape}, not images (${photo}): pass one .npy file`
    const output = join(folder, 'refused')
    await expect(explainToFiles(model, { input: [photo], output })).rejects.toThrow(message)
    await writeNpy(path, inputsOf(one))
    await expect(explainToFiles(model, { input: [path], reference: photo, output })).rejects.toThrow(message)
    const other = join(folder, 'other.npy')
    await writeNpy(other, { data: new Float32Array(22), shape: [2, 11] })
    await expect(explainToFiles(model, { input: [path], reference: other, output })).rejects.toThrow(
      `, but net takes ${nounOf(kind)}s of ${shape}`
    )
  })

  test('is served', async () => {
    using model = await build(one)
    await writeNpy(path, inputsOf(one))
    const page = await serve(model, { input: [path], port: 0 })
    try {
      const picture = await fetch(`${page.url}images/1.png`)
      expect(picture.status).toBe(200)
      const body = JSON.stringify({ image: 1, choice: 'epsilon', parameters: {}, target: 'argmax', view: 'heatmap' })
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${page.url}explain`, { method: 'POST', headers, body })
      expect(await answer.json()).toMatchObject({ picture: expect.stringContaining('data:image/png') as unknown })
    } finally {
      await page.close()
    }
  })
})

describe('methods that cannot explain a network', () => {
  const gated: Case = {
    kind: 'table',
    image: [7],
    nodes: [linear('first', 'input'), node('shares', 'softmax', ['first'], { dim: 1 }), linear('last', 'shares')],
    tensors: { 'first.weight': random([4, 7], 1), 'first.bias': random([4], 2), ...head }
  }

  test('are refused before anything is written', async () => {
    using model = await build(gated)
    const path = join(folder, 'gated.npy')
    await writeNpy(path, inputsOf(gated))
    const output = join(folder, 'evaluated-gated')
    const methods = ['gradient', 'epsilon']
    await expect(evaluate(model, { input: [path], methods, output })).rejects.toThrow(
      "composite 'epsilon' names no rule"
    )
    expect(existsSync(output)).toBe(false)
  })

  test('are left out if none are named, and auto takes the place of the rules', async () => {
    using model = await build(gated)
    const path = join(folder, 'gated.npy')
    await writeNpy(path, inputsOf(gated))
    const { methods, asked } = await evaluate(model, { input: [path], metrics: ['abc'], perturbation: { steps: 2 } })
    expect(methods.map(({ name }) => name).toSorted()).toEqual(['auto', 'gradient', 'input-x-gradient', 'random'])
    expect(asked.rules).toBe('auto,gradient,input-x-gradient,random')
  })
})

test('a vocabulary is for tokens and for the columns of a table, one name for each', async () => {
  const words = join(folder, 'names.txt')
  writeFileSync(words, 'a\nb\n')
  const load = async (one: Case): Promise<string> => {
    const saved = join(folder, `saved-${one.kind}`)
    using model = await build(one)
    await model.save(saved)
    return Model.load(saved, { vocabulary: words }).then(
      (loaded) => (loaded.dispose(), ''),
      (error: Error) => error.message
    )
  }
  const messages = await Promise.all(CASES.map(load))
  expect(messages).toEqual([
    expect.stringMatching(/works only with tokens and tables, but .* takes signals$/),
    expect.stringMatching(/works only with tokens and tables, but .* takes volumes$/),
    "option 'vocabulary' must have one name for each of the 7 columns, not 2 names",
    ''
  ])
})

describe('tokens', () => {
  const tokens = CASES.at(-1)!

  test('relevance is that of what is looked up, summed: gradient times input of the embedding', async () => {
    using model = await build(tokens)
    const input = inputsOf(tokens)
    const { relevance, layers } = await explain(model, input, {
      method: 'input-x-gradient',
      layers: ['embedding'],
      target: 1
    })
    const rows = new Float32Array(tokens.tensors.table!.data.buffer)
    const expected = relevance.data.map((_, token) => {
      let sum = 0
      for (let k = 0; k < 5; k++) sum += layers.embedding!.data[token * 5 + k]! * rows[input.data[token]! * 5 + k]!
      return sum
    })
    expected.forEach((value, i) => expect(relevance.data[i]).toBeCloseTo(value, 6))
    // the network is piecewise linear: with biases, products with the gradient are what epsilon 0 gives
    const lrp = await explain(model, input, { rule: 'epsilon', epsilon: 1e-9, target: 1 })
    expected.forEach((value, i) => expect(lrp.relevance.data[i]).toBeCloseTo(value, 4))
  })

  test('methods that move along values are refused, fills other than a token too', async () => {
    using model = await build(tokens)
    const input = inputsOf(tokens)
    for (const method of ['gradient', 'smoothgrad', 'integrated-gradients'] as const)
      await expect(explain(model, input, { method })).rejects.toThrow(/tokens have no gradient/)
    await writeNpy(join(folder, 'ids.npy'), input)
    const how = { input: [join(folder, 'ids.npy')], methods: ['epsilon'], perturbation: { fill: 'mean' as const } }
    await expect(evaluate(model, how)).rejects.toThrow(/must be one of zero, black, constant for tokens/)
  })

  test('half precision, which cannot hold the numbers of tokens, is refused', async () => {
    const { nodes, tensors, image } = tokens
    const graph = { inputShape: [null, ...image], nodes, output: 'last' }
    const parts = { name: 'net', graph, tensors: new Map(Object.entries(tensors)) }
    for (const precision of ['bf16', 'fp16'] as const)
      await expect(Model.create(parts, 'cpu', precision)).rejects.toThrow(/tokens are integers/)
  })

  test('pictures of texts that wrap elsewhere have one size', async () => {
    using model = await build(tokens, ['a', ...Array.from({ length: 8 }, (_, i) => `a very long word of number ${i}`)])
    const pictures = await picturesOf(model, [Float32Array.of(1, 2, 3, 4, 5, 6), new Float32Array(6)])
    expect(new Set(pictures.map(({ width, height }) => `${width}x${height}`)).size).toBe(1)
  })

  test('maps of attention end at the tokens', async () => {
    const of = (name: string, input: string): GraphNode[] => [
      linear(name, input),
      node(`${name}.split`, 'reshape', [name], { shape: [0, 6, 2, 2] }),
      node(`${name}.heads`, 'permute', [`${name}.split`], { dims: [0, 2, 1, 3] })
    ]
    const nodes = [
      ...tokens.nodes.slice(0, 3),
      ...['q', 'k', 'v'].flatMap((name) => of(name, 'embedding')),
      node('attention', 'scaled_dot_product_attention', ['q.heads', 'k.heads', 'v.heads']),
      node('back', 'permute', ['attention'], { dims: [0, 2, 1, 3] }),
      node('joined', 'reshape', ['back'], { shape: [0, 6, 4] }),
      node('sum', 'add', ['joined', 'embedding']),
      node('mean', 'mean', ['sum'], { dim: [1], keepdim: false }),
      linear('last', 'mean')
    ]
    const weights = ['q', 'k', 'v'].flatMap((name, i) => [
      [`${name}.weight`, random([4, 4], 20 + i)],
      [`${name}.bias`, random([4], 30 + i)]
    ])
    const tensors = { table: random([9, 4], 7), ...Object.fromEntries(weights), ...head } as Case['tensors']
    using model = await build({ ...tokens, nodes, tensors })
    for (const method of ['chefer', 'attention-rollout'] as const) {
      const { relevance, attention } = await explain(model, inputsOf(tokens), { method, attentionHeads: true })
      expect(attention.map(({ node }) => node)).toEqual(['attention'])
      attention[0]!.tokens.data.forEach((value, i) => expect(relevance.data[i]).toBeCloseTo(value, 6))
    }
  })

  test.each([
    ['vocab.txt', '[PAD]\nthe\ncat\n', ['[PAD]', 'the', 'cat']],
    ['list.json', '["a", "b"]', ['a', 'b']],
    ['vocab.json', '{"b": 2, "a": 0}', ['a', '1', 'b']],
    [
      'tokenizer.json',
      '{"model": {"vocab": {"x": 1, "y": 0}}, "added_tokens": [{"id": 2, "content": "<s>"}]}',
      ['y', 'x', '<s>']
    ]
  ])('a vocabulary: %s', async (name, text, words) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    expect(await readVocabulary(file)).toEqual(words)
  })

  test('a vocabulary that is none is refused', async () => {
    const file = join(folder, 'none.json')
    writeFileSync(file, '{"a": "b c"}')
    await expect(readVocabulary(file)).rejects.toThrow('must be a vocabulary')
    await expect(readVocabulary(join(folder, 'missing.txt'))).rejects.toThrow('missing.txt')
  })
})

test('a patch of a volume is a cube, of a signal a stretch: all channels, nothing else', async () => {
  using model = await build(CASES[1]!)
  const image = new Float32Array(120).fill(1)
  const relevance = new Float32Array(120)
  relevance[(4 * 4 + 3) * 6 + 5] = 1 // the last corner
  const how = { order: 'morf', unit: 2, fill: 'zero', steps: stepsTo(1 / 18, 1) } as const
  const [, first] = Array.from(perturbed(model, { image, relevance, seed: 0 }, how), ({ image }) => image.slice())
  const zeros = Array.from(first!.entries()).filter(([, value]) => value === 0)
  expect(zeros.map(([at]) => [Math.floor(at / 24), Math.floor((at % 24) / 6), at % 6])).toEqual([
    [4, 2, 4],
    [4, 2, 5],
    [4, 3, 4],
    [4, 3, 5]
  ])
})
