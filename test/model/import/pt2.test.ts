import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { importPt2 } from '../../../src/model/import/pt2/index.js'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import { describeShared, shared } from '../../shared.js'

interface GoldenNode {
  name: string
  op: string
  inputs: string[]
  attrs: Record<string, unknown>
}

describeShared('golden exported programs', () => {
  test.each(['mlp', 'lenet', 'vgg_tiny_bn', 'resnet_tiny', 'mobile_tiny', 'fire_tiny', 'functional_net'])(
    '%s has the ops and weights that were exported',
    async (name) => {
      const folder = shared(`golden/models/${name}`)
      const golden = JSON.parse(readFileSync(`${folder}/model.json`, 'utf8')) as {
        nodes: GoldenNode[]
        input_shape: (number | null)[]
      }
      const { graph, tensors } = await importPt2(`${folder}/model.pt2`)
      expect(graph.inputShape).toEqual(golden.input_shape)
      expect(graph.nodes.map((node) => node.op)).toEqual(golden.nodes.map((node) => node.op))
      const weights = await readSafetensors(`${folder}/weights.safetensors`)
      for (const [key, tensor] of tensors) expect(Buffer.from(tensor.data).equals(weights.get(key)!.data)).toBe(true)
      expect(tensors.size).toBe([...weights.keys()].filter((key) => !key.endsWith('num_batches_tracked')).length)
      const [first] = golden.nodes
      expect(graph.nodes[0]!.name).toBe(first!.name)
    }
  )

  test('a vision transformer is imported', async () => {
    const { graph } = await importPt2(shared('golden/attention/vit_tiny/model.pt2'))
    expect(graph.nodes.filter((node) => node.op === 'scaled_dot_product_attention')).toHaveLength(2)
  })
})
