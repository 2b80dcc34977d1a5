import { totalmem } from 'node:os'
import { LrpError } from '../core/errors.js'

const MEMORY_SHARE = 0.8

/** @throws LrpError INVALID_ARGUMENT if this number of images of `size` bytes does not fit into this machine's memory */
export function checkMemory(images: number, size: number): void {
  const [needed, there] = [images * size, totalmem() * MEMORY_SHARE].map((bytes) => bytes / 2 ** 30)
  if (needed! <= there!) return
  const sizes = `${needed!.toFixed(1)} GiB of memory, but only ${there!.toFixed(1)} GiB are available`
  throw new LrpError('INVALID_ARGUMENT', `${images} images need ${sizes}: use a smaller --image-size or --cache none`)
}
