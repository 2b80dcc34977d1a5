import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { LrpError } from '../core/errors.js'
import { readBytes } from '../core/files.js'
import type { Split } from './dataset.js'
import { numbered } from './image-names.js'

const LARGEST = 2 ** 31

/** Reads an idx file of bytes, gzipped or not (MNIST's format). @throws LrpError NOT_FOUND, INVALID_FILE */
export async function readIdx(path: string): Promise<{ data: Uint8Array; shape: number[] }> {
  let bytes = await readBytes(path)
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = await promisify(gunzip)(bytes, { maxOutputLength: LARGEST })
    } catch (cause) {
      throw new LrpError('INVALID_FILE', `${path} is truncated or damaged: ${(cause as Error).message}`, { cause })
    }
  }
  const axes = bytes[3] ?? 0
  const start = 4 + 4 * axes
  if (bytes.length < start || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || axes < 1 || axes > 4) {
    throw new LrpError('INVALID_FILE', `${path} is not an idx file with values of one byte`)
  }
  const shape = Array.from({ length: axes }, (_, i) => bytes.readUInt32BE(4 + 4 * i))
  const size = shape.reduce((product, axis) => product * axis, 1)
  if (bytes.length - start !== size) {
    throw new LrpError(
      'INVALID_FILE',
      `${path} contains ${bytes.length - start} values instead of the ${size} that its header states (is the file truncated?)`
    )
  }
  return { data: bytes.subarray(start), shape }
}

/** Reads the pair `<prefix>-images-idx3-ubyte[.gz]` and `<prefix>-labels-idx1-ubyte[.gz]` of a folder. */
export async function readIdxPair(
  folder: string,
  prefix: string
): Promise<{ split: Split; imageShape: [number, number, number] }> {
  const path = pathOf(folder, prefix, 'images-idx3-ubyte')
  const images = await readIdx(path)
  const labels = await readIdx(pathOf(folder, prefix, 'labels-idx1-ubyte'))
  const [count, height, width] = images.shape
  if (images.shape.length !== 3 || labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new LrpError('INVALID_FILE', `${folder}: the numbers of ${prefix} images and ${prefix} labels must be equal`)
  }
  const names = numbered(basename(path, '.gz'), count!)
  return {
    split: { images: images.data, labels: Int32Array.from(labels.data), names },
    imageShape: [1, height!, width!]
  }
}

export function hasIdxPair(folder: string, prefix: string): boolean {
  return ['images-idx3-ubyte', 'labels-idx1-ubyte'].every((kind) => existsSync(pathOf(folder, prefix, kind)))
}

function pathOf(folder: string, prefix: string, kind: string): string {
  const candidates = [`${prefix}-${kind}.gz`, `${prefix}-${kind}`, `${prefix}-${kind.replace('-idx', '.idx')}`]
  return (
    candidates.map((name) => join(folder, name)).find((path) => existsSync(path)) ??
    join(folder, `${prefix}-${kind}.gz`)
  )
}
