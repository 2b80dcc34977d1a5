import sharp, { type OutputInfo } from 'sharp'
import { LrpError } from '../core/errors.js'
import { sizeOf } from '../core/tensor.js'
import { storedShape, type Dataset, type Split } from './dataset.js'

/** A picture whose opaque pixels are pasted into images. */
interface Patch {
  /** [channels, height, width] */
  data: Uint8Array
  /** [height, width]: 1 where a pixel is pasted. */
  mask: Uint8Array
  height: number
  width: number
  place?: { top: number; left: number }
}

/**
 * Every second training image, of all classes alike, gets the patch, so that it stops being evidence for one of them (class
 * artifact compensation; Anders et al. 2022). A patch as large as the images lies where it is opaque; a smaller one at the place
 * behind `@` (`patch.png@left:top`), else at a random place in each image.
 * @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT (a patch larger than the images, a place outside)
 */
export async function withPatch(dataset: Dataset, insert: string, seed: number): Promise<Dataset> {
  const shape = storedShape(dataset)
  const patch = await readPatch(insert, shape)
  const { train } = dataset.splits
  if (dataset.read) {
    const read = dataset.read
    const own = new Set(train.paths!.filter((path) => hashOf(path, seed) % 2 === 0))
    return {
      ...dataset,
      read: async (path, into) => {
        await read(path, into)
        if (own.has(path)) paste(into, shape, patch, hashOf(path, seed))
      }
    }
  }
  const images = Uint8Array.from(train.images)
  const size = sizeOf(shape)
  for (let i = 0; i < train.labels.length; i++) {
    const hash = hashOf(String(i), seed)
    if (hash % 2 === 0) paste(images.subarray(i * size, (i + 1) * size), shape, patch, hash)
  }
  const changed: Split = { ...train, images }
  return { ...dataset, splits: { ...dataset.splits, train: changed } }
}

async function readPatch(insert: string, [channels, rows, columns]: [number, number, number]): Promise<Patch> {
  const [, path, left, top] = /^(.*?)(?:@(\d+):(\d+))?$/.exec(insert)!
  let image: { data: Buffer; info: OutputInfo }
  try {
    const opened = sharp(path).ensureAlpha().toColourspace('srgb')
    image = await opened.raw().toBuffer({ resolveWithObject: true })
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `the patch ${path} is not a readable image`, { cause })
  }
  const { width, height } = image.info
  const place = left === undefined ? undefined : { left: Number(left), top: Number(top) }
  if (width + (place?.left ?? 0) > columns || height + (place?.top ?? 0) > rows)
    throw new LrpError('INVALID_ARGUMENT', `the patch ${insert} does not fit into images of ${rows}x${columns}`)
  const plane = width * height
  const at = (i: number, c: number): number => image.data[4 * i + c]!
  const mask = Uint8Array.from({ length: plane }, (_, i) => (at(i, 3) >= 128 ? 1 : 0))
  const data = new Uint8Array(channels * plane)
  for (let i = 0; i < plane; i++) {
    if (channels === 1) data[i] = Math.round(0.299 * at(i, 0) + 0.587 * at(i, 1) + 0.114 * at(i, 2))
    else for (let c = 0; c < 3; c++) data[c * plane + i] = at(i, c)
  }
  return { data, mask, height, width, place }
}

function paste(
  image: Uint8Array,
  [channels, rows, columns]: [number, number, number],
  patch: Patch,
  hash: number
): void {
  const { data, mask, height, width } = patch
  const place = patch.place ?? {
    top: Math.floor(hash / 2) % (rows - height + 1),
    left: Math.floor(hash / 2 / (rows - height + 1)) % (columns - width + 1)
  }
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        if (mask[y * width + x])
          image[(c * rows + place.top + y) * columns + place.left + x] = data[(c * height + y) * width + x]!
      }
}

/** A number from 0 to 2^31 - 1 (FNV-1a, mixed), the same for the same text and seed. */
function hashOf(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0
  return (hash ^ (hash >>> 13)) >>> 1
}
