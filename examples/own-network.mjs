// Build a network node by node, give it random weights, and look at the relevance of every layer.
import { Model } from 'lrp-native'
import { GraphBuilder, initialise } from 'lrp-native/models'

const b = new GraphBuilder([1, 8, 8])
let x = b.add('relu1', 'relu', [b.convolution('conv1', 'input', 4, 3, { padding: 1 })])
x = b.add('sum', 'add', [x, b.add('relu2', 'relu', [b.convolution('conv2', x, 4, 3, { padding: 1 })])])
x = b.add('flatten', 'flatten', [x], { start_dim: 1, end_dim: -1 })
const network = b.finish('mine', b.linear('classes', x, 3))

const model = await Model.create(await initialise(network, 7))
const image = { data: Float32Array.from({ length: 64 }, (_, i) => (i % 8) / 8), shape: [1, 1, 8, 8] }
const composite = {
  name: 'mine',
  layers: [
    { kind: 'convolution', rule: 'zplus' },
    { kind: 'linear', rule: 'epsilon' }
  ]
}
const { conservation } = await model.explain(image, { composite, conservation: true })
for (const { node, arriving, propagated } of conservation) {
  console.log(`${node}: relevance ${arriving[0].toFixed(4)} received, ${propagated[0].toFixed(4)} propagated`)
}
model.dispose()
