import type { OutputInfo } from 'sharp'
import { sharp } from '../core/sharp.js'
import { LrpError } from '../core/errors.js'
import { readBytes } from '../core/files.js'
import type { NativePatch } from '../native/train-types.js'

/** Splits `patch.png@left:top` into the file and the place in pixels. */
function partsOf(insert: string): [path: string, left?: string, top?: string] {
  const [, path, left, top] = /^(.*?)(?:@(\d+):(\d+))?$/.exec(insert)!
  return [path!, left, top]
}

/** @throws LrpError NOT_FOUND, INVALID_FILE if the file cannot be read as a patch */
export async function checkPatch(insert: string): Promise<void> {
  await openPatch(partsOf(insert)[0])
}

async function openPatch(path: string): Promise<{ data: Buffer; info: OutputInfo }> {
  const file = await readBytes(path, `the patch ${path} cannot be read`)
  try {
    const opened = sharp(file).ensureAlpha().toColourspace('srgb')
    return await opened.raw().toBuffer({ resolveWithObject: true })
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `the patch ${path} is not a readable image`, { cause })
  }
}

/**
 * Reads a patch that is pasted into every second training image of all classes, so that it is no longer evidence for
 * one of them (class artifact compensation; Anders et al. 2022). A patch of the size of the images is pasted where it
 * is opaque; a smaller one at the place after `@` (`patch.png@left:top`), or at a random place in each image. The
 * images are chosen again in every epoch.
 * @param shape channels, height and width of the stored images
 * @throws LrpError NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT (a patch larger than the images, a place outside)
 */
export async function readPatch(
  insert: string,
  [channels, rows, columns]: [number, number, number]
): Promise<NativePatch> {
  const [path, left, top] = partsOf(insert)
  const image = await openPatch(path)
  const { width, height } = image.info
  const place = left === undefined ? undefined : [Number(top), Number(left)]
  if (width + (place?.[1] ?? 0) > columns || height + (place?.[0] ?? 0) > rows)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the patch ${insert} does not fit into the images, which are ${rows}x${columns}`
    )
  const plane = width * height
  const at = (i: number, c: number): number => image.data[4 * i + c]!
  const mask = Uint8Array.from({ length: plane }, (_, i) => (at(i, 3) >= 128 ? 1 : 0))
  const data = new Uint8Array(channels * plane)
  for (let i = 0; i < plane; i++) {
    if (channels === 1) data[i] = Math.round(0.299 * at(i, 0) + 0.587 * at(i, 1) + 0.114 * at(i, 2))
    else for (let c = 0; c < 3; c++) data[c * plane + i] = at(i, c)
  }
  return {
    pixels: { data, shape: [channels, height, width] },
    mask: { data: mask, shape: [height, width] },
    place
  }
}
