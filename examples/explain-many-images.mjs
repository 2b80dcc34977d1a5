// Explain a whole test set in small batches, and print for each class how concentrated its relevance is.
import { explainAll, train } from 'lrp-native'

const experimentsRoot = process.argv[2] ?? 'experiments'
const { model } = await train({ model: 'mlp', epochs: 2, experimentName: 'many', experimentsRoot })

const concentration = new Map()
let images = 0
for await (const part of explainAll(model, {}, { rule: 'alpha1beta0', target: 'label' })) {
  const size = part.relevance.data.length / part.names.length
  for (const [i, label] of part.labels.entries()) {
    const map = part.relevance.data.slice(i * size, (i + 1) * size).sort((a, b) => b - a)
    const strongest = map.subarray(0, Math.ceil(size / 20)).reduce((sum, value) => sum + value, 0)
    const all = map.reduce((sum, value) => sum + Math.abs(value), 0)
    concentration.set(label, [...(concentration.get(label) ?? []), strongest / all])
  }
  images += part.names.length
}

console.log(`${images} images explained`)
for (const [label, shares] of [...concentration].sort(([a], [b]) => a - b)) {
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
  console.log(
    `class ${model.className(label)}: the strongest 5 % of the pixels contain ${(100 * mean).toFixed(0)} % of the relevance`
  )
}
model.dispose()
