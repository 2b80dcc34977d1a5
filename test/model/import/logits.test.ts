import { expect, test } from '@jest/globals'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import { Model } from '../../../src/model/model.js'
import { describeShared, floats, relativeError, shared } from '../../shared.js'

const NAMES = ['mlp', 'lenet', 'vgg_tiny_bn', 'resnet_tiny', 'mobile_tiny', 'fire_tiny', 'functional_net']
const FILES = NAMES.flatMap((name) => [`${name}/model.pt2`, `${name}/model.onnx`])
FILES.push('resnet_tiny/model.unoptimised.onnx', 'mobile_tiny/model.unoptimised.onnx')
const CASES: { path: string; expected: string; architecture?: string }[] = [
  ...FILES.map((file) => ({
    path: `golden/models/${file}`,
    expected: `golden/models/${file.split('/')[0]}/tensors.safetensors`
  })),
  { path: 'golden/attention/vit_tiny/model.pt2', expected: 'golden/attention/vit_tiny/tensors.safetensors' },
  { path: 'models/resnet20.pt2', expected: 'models/resnet20.expected.safetensors' },
  { path: 'models/resnet20.onnx', expected: 'models/resnet20.expected.safetensors' },
  {
    path: 'models/resnet20-12fca82f.th',
    expected: 'models/resnet20.expected.safetensors',
    architecture: 'resnet20'
  }
]

describeShared('imported models compute what PyTorch computes', () => {
  test.each(CASES)('$path', async ({ path, expected, architecture }) => {
    const wanted = await readSafetensors(shared(expected))
    using model = await Model.load(shared(path), { architecture })
    const logits = await model.forward(floats(wanted.get('input')!))
    expect(relativeError(logits, wanted.get('logits')!)).toBeLessThan(1e-4)
  })
})
