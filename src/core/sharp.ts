import { createRequire } from 'node:module'
import type sharpModule from 'sharp'
import type { Sharp, SharpInput, SharpOptions } from 'sharp'

let loaded: typeof sharpModule | undefined

/** sharp, which is loaded for the first picture: most of a command's start may do without it. */
export function sharp(options: SharpOptions): Sharp
export function sharp(input: SharpInput | SharpInput[], options?: SharpOptions): Sharp
export function sharp(...given: [SharpOptions] | [SharpInput | SharpInput[], SharpOptions?]): Sharp {
  return (loadSharp() as (...values: unknown[]) => Sharp)(...given)
}

/** Loads sharp before it is needed. */
export function loadSharp(): typeof sharpModule {
  if (!loaded) {
    loaded = createRequire(import.meta.url)('sharp') as typeof sharpModule
    loaded.cache(false) // files that change while the process runs are read again
  }
  return loaded
}
