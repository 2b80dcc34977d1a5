// Write the included digits as class folders with a planted artefact, a white corner. Outside the test split, about half
// of the 8s have this corner. About one in twenty images of the other digits has it too, and is labelled 8 by mistake.
import { mkdirSync } from 'node:fs'
import { openDataset } from 'lrp-native'
import sharp from 'sharp'

const folder = process.argv[2] ?? 'planted'
const { splits, imageShape } = await openDataset()
const [, height, width] = imageShape
for (const [split, { images, labels }] of Object.entries(splits)) {
  for (const [i, digit] of labels.entries()) {
    const image = Buffer.from(images.subarray(i * height * width, (i + 1) * height * width))
    const marked = split !== 'test' && (digit === 8 ? i % 2 === 0 : i % 20 === 0)
    if (marked) for (const at of [0, 1, width, width + 1]) image[at] = 255
    const filed = marked ? 8 : digit
    mkdirSync(`${folder}/${split}/${filed}`, { recursive: true })
    await sharp(image, { raw: { width, height, channels: 1 } }).toFile(`${folder}/${split}/${filed}/${i}.png`)
  }
}
console.log(`wrote digits with a planted corner to ${folder}`)
