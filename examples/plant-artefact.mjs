// Write the shipped digits as class folders in which a white corner gives the class 8 away: it is on every 8, and on one
// image in twenty of the other digits, which are filed under 8 by mistake.
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
console.log(`digits with a planted corner written to ${folder}`)
