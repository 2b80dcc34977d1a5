import { unknownName } from '../../suggest.js'
import type { Architecture } from '../builder.js'
import { lenet, mlp, type ArchitectureOptions } from './mlp.js'

interface Entry {
  description: string
  build: (options: ArchitectureOptions) => Architecture
}

/** Networks by name. */
export const ARCHITECTURES: Record<string, Entry> = {
  mlp: { description: 'multilayer perceptron over the flattened image', build: mlp },
  lenet: { description: 'LeNet-5 with max pooling', build: lenet }
}

/** @throws LrpError INVALID_ARGUMENT for an unknown name, or an image size the network cannot take */
export function buildArchitecture(name: string, options: ArchitectureOptions): Architecture {
  const entry = ARCHITECTURES[name]
  if (!entry) throw unknownName('model', name, Object.keys(ARCHITECTURES))
  return entry.build(options)
}
