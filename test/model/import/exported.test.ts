import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import { Model } from '../../../src/model/model.js'
import { floats, relativeError } from '../../shared.js'

// Small networks that PyTorch exported, with what it computes: scripts/make-import-fixture.py makes them.
const folder = join(__dirname, 'fixtures')
const exported = readdirSync(folder).filter((file) => /\.(onnx|pt2)$/.test(file))

describe('what PyTorch exports computes here what it computes there', () => {
  test.each(exported)('%s', async (file) => {
    const expected = await readSafetensors(join(folder, `${file.split('.')[0]}.safetensors`))
    using model = await Model.load(join(folder, file))
    const input = floats(expected.get('input')!)
    // a softmax at the end is left out: explanations start from logits
    const output = file.startsWith('norms') ? softmax(await model.forward(input)) : await model.forward(input)
    expect(output.shape).toEqual(expected.get('output')!.shape)
    expect(relativeError(output, expected.get('output')!)).toBeLessThan(1e-5)
    const one = await model.forward({
      data: input.data.slice(0, input.data.length / input.shape[0]!),
      shape: [1, ...input.shape.slice(1)]
    })
    expect(one.shape[0]).toBe(1)
  })
})

function softmax({ data, shape }: { data: Float32Array; shape: number[] }) {
  const classes = shape.at(-1)!
  const powers = data.map(Math.exp)
  const sums = Array.from({ length: shape[0]! }, (_, i) =>
    powers.slice(i * classes, (i + 1) * classes).reduce((a, b) => a + b)
  )
  return { data: powers.map((one, i) => one / sums[Math.floor(i / classes)]!), shape }
}
