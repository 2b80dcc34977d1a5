import { LrpError } from '../../core/errors.js'
import { sizeOf, type StateDict } from '../../core/tensor.js'
import type { Architecture } from '../builder.js'

/**
 * The weights that an architecture reads, by name, in its shapes: axes of one are added or left out where the file's differ
 * in them. Weights that it does not have refuse the file, except counters of batch norm and what `ignored` matches.
 * @throws LrpError INVALID_FILE naming the weight
 */
export function bindWeights(
  { name: network, parameters }: Pick<Architecture, 'name' | 'parameters'>,
  weights: StateDict,
  path: string,
  ignored?: RegExp
): StateDict {
  const tensors: StateDict = new Map()
  for (const { name, shape } of parameters) {
    const tensor = weights.get(name)
    if (!tensor) throw new LrpError('INVALID_FILE', `${path} lacks the weight '${name}', which ${network} needs`)
    if (withoutOnes(tensor.shape) !== withoutOnes(shape) || sizeOf(tensor.shape) !== sizeOf(shape)) {
      const sizes = `[${tensor.shape.join(', ')}], but ${network} needs [${shape.join(', ')}]`
      throw new LrpError('INVALID_FILE', `${path}: the weight '${name}' has the shape ${sizes}`)
    }
    tensors.set(name, { ...tensor, shape })
  }
  const isKnown = (name: string): boolean =>
    tensors.has(name) || name.endsWith('num_batches_tracked') || Boolean(ignored?.test(name))
  const extra = [...weights.keys()].find((name) => !isKnown(name))
  if (extra)
    throw new LrpError('INVALID_FILE', `${path} contains the weight '${extra}', which ${network} does not have`)
  return tensors
}

function withoutOnes(shape: readonly number[]): string {
  return shape.filter((axis) => axis !== 1).join()
}
