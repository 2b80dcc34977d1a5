// Which rule finds the pixels that the network uses? The larger the gap between the two curves, the better.
import { openDataset, removeFeatures, train } from 'lrp-native'

const folder = process.argv[2] ?? 'experiments'
const data = await openDataset()
const { model } = await train({ data, epochs: 5, experimentName: 'example', experimentsRoot: folder })
for (const rule of ['epsilon', 'gamma', 'alpha2beta1']) {
  const { curve } = await removeFeatures(model, {
    data,
    rule,
    limit: 100,
    pictures: 0,
    output: `${folder}/removal/${rule}`
  })
  const point = curve.at(2)
  console.log(
    `${rule}: confidence ${point.important.toFixed(3)} without the most relevant fifth, ${point.unimportant.toFixed(3)} without the least relevant`
  )
}
model.dispose()
