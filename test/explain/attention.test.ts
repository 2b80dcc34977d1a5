import { describe, expect, test } from '@jest/globals'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readNpy, writeNpy } from '../../src/core/npy.js'
import { explain, type Explanation } from '../../src/explain/explain.js'
import { explainToFiles } from '../../src/explain/to-files.js'
import { shown } from '../../src/explain/attention.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import type { RawTensor, Tensor } from '../../src/core/tensor.js'
import { describeShared, floats, readJson, relativeError, shared, values } from '../shared.js'

/** scripts/make-attention-fixture.py */
const published = readJson<Record<'other' | 'rollout' | 'chefer' | 'chefer.other', number[]>>(
  join('test', 'explain', 'attention.json')
)
const TOKENS = 17
const HEADS = 4

const expected = (data: number[]): Tensor => ({ data: Float32Array.from(data), shape: [data.length / TOKENS, TOKENS] })

describeShared('attention of the tiny vision transformer', () => {
  const folder = shared('golden', 'attention', 'vit_tiny')
  const golden = (): Promise<Map<string, RawTensor>> => readSafetensors(`${folder}/tensors.safetensors`)

  describe.each(['model.pt2', 'model.onnx'])('%s', (file) => {
    test('rollout and Chefer equal the published formulas', async () => {
      const input = floats((await golden()).get('input')!)
      using model = await Model.load(`${folder}/${file}`)
      const rollout = await explain(model, input, { method: 'attention-rollout', attentionHeads: true })
      expect(relativeError(rollout.attention[0]!.tokens, expected(published.rollout))).toBeLessThan(1e-5)
      const chefer = await explain(model, input, { method: 'chefer', attentionHeads: true })
      expect(relativeError(chefer.attention[0]!.tokens, expected(published.chefer))).toBeLessThan(1e-5)
      const other = { method: 'chefer', targets: published.other, attentionHeads: true } as const
      const found = await explain(model, input, { ...other, batchSize: 1 })
      expect(relativeError(found.attention[0]!.tokens, expected(published['chefer.other']))).toBeLessThan(1e-5)
    })

    test("a patch's relevance lies on its pixels, the class token's on none", async () => {
      const input = floats((await golden()).get('input')!)
      using model = await Model.load(`${folder}/${file}`)
      const { relevance } = await explain(model, input, { method: 'chefer' })
      expect(relevance.shape).toEqual(input.shape)
      const spread = Float32Array.from(relevance.data, (_, at) => {
        const [image, y, x] = [Math.floor(at / 768), Math.floor((at % 256) / 16), at % 16]
        return published.chefer[image! * TOKENS + 1 + Math.floor(y! / 4) * 4 + Math.floor(x! / 4)]! / 48
      })
      expect(relativeError(relevance, { data: spread, shape: relevance.shape })).toBeLessThan(1e-5)
    })
  })

  test('several targets lead as an axis, as each alone', async () => {
    const input = floats((await golden()).get('input')!)
    using model = await Model.load(`${folder}/model.pt2`)
    const ask = (target: number | number[]): Promise<Explanation> =>
      explain(model, input, { method: 'chefer', target, attentionHeads: true })
    const [both, alone] = [await ask([2, 5]), await ask(5)]
    expect(both.attention[1]!.headTokens.shape).toEqual([2, 2, HEADS, TOKENS])
    const second = both.attention[1]!.headTokens.data.subarray(2 * HEADS * TOKENS)
    expect(relativeError({ data: second, shape: [] }, alone.attention[1]!.headTokens)).toBeLessThan(1e-6)
    expect(relativeError({ data: both.relevance.data.subarray(1536), shape: [] }, alone.relevance)).toBeLessThan(1e-6)
  })

  test.each([
    ['attnlrp', 'attnlrp'],
    ['attnlrp-cp', 'cp']
  ])('LRP: tokens and heads under %s equal LXT', async (composite, name) => {
    const tensors = await golden()
    using model = await Model.load(`${folder}/model.pt2`)
    const { attention } = await explain(model, floats(tensors.get('input')!), { composite, attentionHeads: true })
    expect(attention.map(({ node }) => node)).toEqual([
      'scaled_dot_product_attention',
      'scaled_dot_product_attention_1'
    ])
    for (const [i, one] of attention.entries()) {
      const tokens = summed(tensors.get(`relevance.${name}.tokens.${i}`)!)
      expect(relativeError(one.tokens, tokens)).toBeLessThan(1e-4)
      const v = tensors.get(`relevance.${name}.attention.${i}.v`)
      if (v) expect(relativeError(one.headTokens, summed(v))).toBeLessThan(1e-4)
      const weights = tensors.get(`relevance.${name}.attention.${i}.weights`)
      if (!v || !weights) continue
      const heads = perHead(summed(v), TOKENS).map((sum, h) => sum + perHead(weights, TOKENS * TOKENS)[h]!)
      expect(relativeError(one.heads, { data: Float32Array.from(heads), shape: [2, HEADS] })).toBeLessThan(1e-4)
    }
  })

  test('files: explain.json, arrays and a picture for each image', async () => {
    using model = await Model.load(`${folder}/model.pt2`)
    const output = mkdtempSync(join(tmpdir(), 'attention-'))
    const images = join(output, 'images.npy')
    await writeNpy(images, floats((await golden()).get('input')!))
    const { summary, files } = await explainToFiles(model, {
      input: [images],
      output,
      attentionHeads: true,
      passSize: 1,
      format: ['npy', 'png'],
      composite: 'attnlrp'
    })
    const [, second] = summary.images
    const tokens = await readNpy(join(output, 'tokens.scaled_dot_product_attention_1.npy'))
    expect(tokens.shape).toEqual([2, TOKENS])
    expect(second!.attention![1]!.tokens).toEqual(Array.from(tokens.data as Float32Array).slice(TOKENS))
    expect(second!.attention![1]!.heads).toHaveLength(HEADS)
    expect((await readNpy(join(output, 'heads.scaled_dot_product_attention.npy'))).shape).toEqual([2, HEADS, TOKENS])
    expect(files.filter((path) => path.endsWith('.attention.png'))).toHaveLength(2)
  })
})

test('networks without attention, and windows, are refused by name', async () => {
  const images = (side: number): Tensor => ({
    data: new Float32Array(3 * side * side).map((_, i) => Math.sin(i)),
    shape: [1, 3, side, side]
  })
  using cnn = await Model.create(
    await initialise(buildArchitecture('squeezenet1_1', { imageShape: [3, 32, 32], classes: 3 }), 1)
  )
  await expect(explain(cnn, images(32), { method: 'chefer' })).rejects.toThrow('has no attention')
  await expect(explain(cnn, images(32), { attentionHeads: true })).rejects.toThrow('has no attention')
  await expect(explain(cnn, images(32), { method: 'gradient', attentionHeads: true })).rejects.toThrow('attentionHeads')
  using vit = await Model.create(
    await initialise(buildArchitecture('vit_b_16', { imageShape: [3, 32, 32], classes: 3 }), 1)
  )
  const { relevance, attention } = await explain(vit, images(32), { method: 'attention-rollout', attentionHeads: true })
  expect(attention).toHaveLength(12)
  // the heads of a block together pass on half of what its tokens had
  const total = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0)
  for (const { heads } of attention) expect(total(heads.data)).toBeCloseTo(0.5, 4)
  expect(total(relevance.data)).toBeCloseTo(1 - attention[0]!.tokens.data[0]!, 4)
})

test('tokens lie as patches, without those before them', () => {
  const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i)
  expect(shown(numbers(17), [3, 16, 16])).toEqual({ values: numbers(17).subarray(1), grid: [1, 4, 4] })
  expect(shown(numbers(10), [3, 16, 32])).toEqual({ values: numbers(10).subarray(2), grid: [1, 2, 4] })
  expect(shown(numbers(10), [12]).grid).toEqual([1, 1, 10])
})

/** Summed over the last axis. */
function summed(tensor: RawTensor): Tensor {
  const [data, last] = [values(tensor), tensor.shape.at(-1)!]
  const shape = tensor.shape.slice(0, -1)
  const sums = new Float32Array(data.length / last)
  for (let i = 0; i < data.length; i++) sums[Math.floor(i / last)]! += data[i]!
  return { data: sums, shape }
}

/** Sums over blocks of `size` numbers. */
function perHead(tensor: RawTensor | Tensor, size: number): number[] {
  const data = values(tensor)
  const sums = new Array<number>(data.length / size).fill(0)
  for (let i = 0; i < data.length; i++) sums[Math.floor(i / size)]! += data[i]!
  return sums
}
