import { expect, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import { describeShared, floats, relativeError, shared, values } from '../shared.js'

describeShared('the real ResNet-20', () => {
  const files: [string, { architecture?: string }][] = [
    ['resnet20-12fca82f.th', { architecture: 'resnet20' }],
    ['resnet20.pt2', {}],
    ['resnet20.onnx', {}]
  ]

  test.each(files)('%s gives the logits and the relevance of all four composites', async (file, options) => {
    const expected = await readSafetensors(shared('models', 'resnet20.expected.safetensors'))
    const input = floats(expected.get('input')!)
    const model = await Model.load(shared('models', file), { ...options, preprocess: 'cifar' })
    const targets = Array.from(values(expected.get('target')!))
    expect(relativeError(await model.forward(input), expected.get('logits')!)).toBeLessThan(1e-4)
    for (const composite of ['epsilon-plus', 'epsilon-plus-flat', 'epsilon-alpha2beta1', 'epsilon-gamma-box']) {
      const { relevance } = await explain(model, input, { composite, targets })
      expect(relativeError(relevance, expected.get(`folded.${composite}`)!)).toBeLessThan(2e-3)
      expect(relativeError(relevance, expected.get(`relevance.${composite}`)!)).toBeLessThan(5e-3)
    }
    model.dispose()
  })
})
