import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as api from '../../src/index.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-api-'))
let trained: api.Model
beforeAll(async () => {
  const { model } = await api.train({ epochs: 1, experimentsRoot: root, experimentName: 'digits' })
  trained = model
})
afterAll(() => {
  trained.dispose()
  rmSync(root, { recursive: true, force: true })
})

describe('a model of an experiment', () => {
  test('is opened by name, or as the newest', async () => {
    for (const name of ['digits', undefined]) {
      using model = await api.Model.load(name, { experimentsRoot: root })
      expect(model).toBeInstanceOf(api.Model)
      expect(model.experiment!.name).toBe('digits')
    }
  })

  test('knows its data set, and where its results go', async () => {
    using model = await api.Model.load('digits', { experimentsRoot: root })
    const { input, names } = await model.read({ limit: 3 })
    expect([input.shape, names.length]).toEqual([[3, 1, 8, 8], 3])
    const { folder, summary } = await model.explainToFiles({ rule: 'gamma', limit: 2 })
    expect(folder).toBe(join(root, 'digits', 'explanations', 'gamma'))
    expect(summary.images).toHaveLength(2)
    const scored = await model.test({ limit: 50 })
    expect(scored.metrics.images).toBe(50)
  })

  test('explains classes by name as by number', async () => {
    const { input } = await trained.read({ limit: 2 })
    const [byName, byNumber] = [
      await trained.explain(input, { target: '3' }),
      await api.explain(trained, input, { target: 3 })
    ]
    expect(byName.relevance).toEqual(byNumber.relevance)
    await expect(trained.explain(input, { target: 'thee' })).rejects.toThrow("there is no class 'thee'")
    await expect(trained.explain(input, { target: 'label' })).rejects.toThrow(
      'can be label only for images with labels'
    )
  })

  test('takes the words of other tools', async () => {
    const { input } = await trained.read({ limit: 1 })
    for (const [word, rule] of [
      ['simple', '0'],
      ['gamma+epsilon', 'epsilon-gamma']
    ])
      expect((await trained.explain(input, { rule: word })).relevance).toEqual(
        (await trained.explain(input, { rule })).relevance
      )
  })

  test('beta follows alpha, and alpha beta', async () => {
    const { input } = await trained.read({ limit: 1 })
    const both = await trained.explain(input, { rule: 'alphabeta', alpha: 1.5, beta: 0.5 })
    expect((await trained.explain(input, { rule: 'alphabeta', alpha: 1.5 })).relevance).toEqual(both.relevance)
    expect((await trained.explain(input, { rule: 'alphabeta', beta: 0.5 })).relevance).toEqual(both.relevance)
  })
})

describe('a call that cannot be right is refused by an LrpError', () => {
  const input = { data: new Float32Array(64), shape: [1, 1, 8, 8] }
  const calls: [string, () => Promise<unknown>, RegExp][] = [
    ['no model', () => api.explain(null as never, input), /must be a Model/],
    ['no tensor', () => api.explain(trained, null as never), /must be a tensor/],
    [
      'a signal that is none',
      () => api.explain(trained, input, { signal: 5 as never }),
      /'signal' must be an AbortSignal/
    ],
    ['the same in forward', () => trained.forward(input, { signal: 5 as never }), /'signal' must be an AbortSignal/],
    ['a class beyond 32 bits', () => api.explain(trained, input, { target: 4294967296 }), /'target'/],
    [
      'half a class',
      () => api.explain(trained, input, { targets: [1.7] }),
      /'targets' must be a list of whole numbers/
    ],
    ['a path that is none', () => api.Model.load(5 as never), /^the path of a model must be a string, not 5$/],
    ['a folder that is none', () => trained.save(null as never), /^the folder of a model must be a string, not null$/],
    [
      'an export without a path',
      () => trained.export(''),
      /^the path of an export must be a non-empty string, not ''$/
    ],
    ['an array without a path', () => api.readNpy(5 as never), /^the path of an array must be a string, not 5$/],
    ['options that are none', () => api.explain(trained, input, 5 as never), /must be an object/]
  ]
  test.each(calls)('%s', async (_, call, message) => {
    await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) })
  })
})

test('layers stand in order of execution, in the explanation and in explain.json', async () => {
  const builder = new GraphBuilder([1, 8, 8])
  const first = builder.add('z', 'relu', [builder.convolution('10', 'input', 2, 3)])
  const flat = builder.add('flat', 'flatten', [builder.add('a', 'relu', [builder.convolution('2', first, 2, 3)])], {
    start_dim: 1,
    end_dim: -1
  })
  const graph = builder.finish('mixed', builder.linear('1', flat, 3))
  using model = await api.Model.create(await initialise(graph, 0))
  const output = join(root, 'order')
  const npy = join(root, 'x.npy')
  const { writeNpy } = await import('../../src/core/npy.js')
  await writeNpy(npy, { data: Float32Array.from({ length: 64 }, (_, i) => i / 64), shape: [1, 1, 8, 8] })
  await api.explainToFiles(model, { input: [npy], layers: 'all', output, format: ['npy'] })
  const text = readFileSync(join(output, 'explain.json'), 'utf8')
  const order = model.graph.nodes.map(({ name }) => name)
  expect(order).toEqual(['10', 'z', '2', 'a', 'flat', '1'])
  for (const section of ['rules', 'layers']) {
    const part = text.slice(text.indexOf(`"${section}": {`))
    const places = order.map((name) => part.indexOf(`"${name}": `)).filter((place) => place > 0)
    expect([...places].sort((a, b) => a - b)).toEqual(places)
    expect(places.length).toBeGreaterThan(2)
  }
  expect(JSON.parse(text)).toMatchObject({ layers: { 10: {}, 1: {} } })
})
