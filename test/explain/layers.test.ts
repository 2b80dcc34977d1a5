import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { drawLayers } from '../../src/explain/figures.js'
import { buildLayers } from '../../src/model/layers.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'

test('the strip of layers shows the first target, be there one or several', async () => {
  const architecture = buildLayers(
    [
      { type: 'convolution', channels: 2, kernelSize: 3 },
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'linear', features: 'classes' }
    ],
    { imageShape: [1, 7, 6], classes: 3 }
  )
  using model = await Model.create(await initialise(architecture, 1))
  const input = { data: Float32Array.from({ length: 2 * 42 }, (_, i) => Math.sin(i)), shape: [2, 1, 7, 6] }
  const strips = async (target: number | number[]) => {
    const explanation = await explain(model, input, { rule: 'epsilon', target, layers: 'all' })
    return drawLayers(model, ['a', 'b'], explanation, {}).map(({ panels }) => panels.map(({ picture }) => picture))
  }
  const one = await strips(1)
  expect(one[1]![0]).toMatchObject({ width: 4, height: 5 })
  expect(await strips([1, 2])).toEqual(one)
})
