import { extname } from 'node:path'

const IMAGE = new Set('.png .jpg .jpeg .jfif .jpe .webp .gif .tif .tiff .avif .bmp .ppm .pgm .pbm .pnm .svg'.split(' '))

/** Whether a file is an image by the end of its name. */
export function isImageFile(name: string): boolean {
  return IMAGE.has(extname(name).toLowerCase())
}
