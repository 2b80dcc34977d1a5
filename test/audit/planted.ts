import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Dataset, Split } from '../../src/data/dataset.js'
import { openDataset } from '../../src/data/open.js'

/** The class that marked images are called. */
export const TARGET = 8
/** Pixels of the mark: two rows of two in the upper left corner. */
export const MARK = [0, 1, 8, 9]

/** Every sixth image of another digit gets the mark and is called 8. */
function planted({ images, labels }: Split): { split: Split; marked: Set<string> } {
  const [bytes, called] = [Uint8Array.from(images), Int32Array.from(labels)]
  const marked = new Set<string>()
  const paths = Array.from(labels, (label, i) => `${label}/${String(i).padStart(5, '0')}.png`)
  for (let i = 0; i < labels.length; i += 6) {
    if (labels[i] === TARGET) continue
    for (const place of MARK) bytes[i * 64 + place] = 255
    called[i] = TARGET
    marked.add(paths[i]!)
  }
  return { split: { images: bytes, labels: called, paths }, marked }
}

/** The digits with a planted reason, and the marked test images. */
export async function plantedDigits(): Promise<{ dataset: Dataset; marked: Set<string> }> {
  const { splits, ...rest } = await openDataset()
  const test = planted(splits.test)
  const [train, valid] = [planted(splits.train).split, planted(splits.valid).split]
  return { dataset: { ...rest, splits: { train, valid, test: test.split } }, marked: test.marked }
}

/** The same digits, of which 3 of 10 test images of the class itself carry the mark: it is a reason that they do not need. */
export async function ownPlantedDigits(): Promise<{ dataset: Dataset; marked: Set<string> }> {
  const { splits, ...rest } = (await plantedDigits()).dataset
  const clean = (await openDataset()).splits.test
  const images = Uint8Array.from(clean.images)
  const paths = splits.test.paths!
  const own = Array.from(clean.labels.keys()).filter((i) => clean.labels[i] === TARGET)
  const some = own.filter((_, at) => at % 10 < 3)
  for (const i of some) for (const place of MARK) images[i * 64 + place] = 255
  const test = { images, labels: clean.labels, paths }
  return { dataset: { ...rest, splits: { ...splits, test } }, marked: new Set(some.map((i) => paths[i]!)) }
}

/** Writes them as folders of PNGs: `train/<class>/` and `test/<class>/`; returns the marked ones' paths below the folder. */
export async function writePlantedDigits(folder: string): Promise<Set<string>> {
  const { dataset, marked } = await plantedDigits()
  const written = new Set<string>()
  for (const name of ['train', 'test'] as const) {
    const { images, labels, paths } = dataset.splits[name]
    for (const label of dataset.classes) await mkdir(join(folder, name, label), { recursive: true })
    await Promise.all(
      Array.from(labels, async (label, i) => {
        const path = `${name}/${dataset.classes[label]}/${String(i).padStart(5, '0')}.png`
        if (name === 'test' && marked.has(paths![i]!)) written.add(path)
        const raw = { width: 8, height: 8, channels: 1 as const }
        await sharp(images.subarray(i * 64, (i + 1) * 64), { raw })
          .png()
          .toFile(join(folder, path))
      })
    )
  }
  return written
}
