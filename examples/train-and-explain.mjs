// Train a small network on the shipped digits and ask why it decided as it did.
import { explain, imagesOf, normaliseBytes, openDataset, train } from 'lrp-native'

const experimentsRoot = process.argv[2] ?? 'experiments'
const digits = await openDataset()
const { model, experiment } = await train({
  data: digits,
  model: 'mlp',
  epochs: 5,
  experimentName: 'example',
  experimentsRoot
})

const { bytes, shape } = imagesOf(digits, 'test', 0, 4)
const images = normaliseBytes(bytes, shape, model.preprocessing)
const { relevance, targets, conservationError } = await explain(model, images, { rule: 'alpha2beta1' })

console.log(`experiment ${experiment.name}: relevance of shape ${relevance.shape.join('x')}`)
for (let i = 0; i < 4; i++) {
  console.log(
    `image ${i}: explained class ${model.className(targets[i])}, conservation error ${conservationError[i].toFixed(3)}`
  )
}
model.dispose()
