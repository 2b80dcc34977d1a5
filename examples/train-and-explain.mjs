// Train a small network on the included digits, and explain its decisions.
import { train } from 'lrp-native'

const experimentsRoot = process.argv[2] ?? 'experiments'
const { model, experiment } = await train({ model: 'mlp', epochs: 5, experimentName: 'example', experimentsRoot })

const { input, names } = await model.read({ limit: 4 })
const { relevance, targets, conservationError } = await model.explain(input, { rule: 'alpha2beta1' })

console.log(`experiment ${experiment.name}: relevance of shape ${relevance.shape.join('x')}`)
for (const [i, name] of names.entries()) {
  const error = conservationError[i].toFixed(3)
  console.log(`image ${name}: explained class ${model.className(targets[i])}, conservation error ${error}`)
}
model.dispose()
