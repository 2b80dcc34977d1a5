import { LrpError } from '../core/errors.js'
import type { TargetOptions } from '../explain/targets/options.js'
import { arrayOf } from './images.js'

/** A class for all images by number or name, `argmax`, `label`, a `.npy` file, or a list with one for each image. */
export type ScoredTarget = number | string | ArrayLike<number>

/**
 * What `target` names, as `explain` takes it.
 * @param labels the true classes, where they are known
 * @throws LrpError INVALID_ARGUMENT for `label` without labels; as `readNpy`
 */
export async function classesOf(
  target: ScoredTarget | undefined,
  labels?: ArrayLike<number>
): Promise<Pick<TargetOptions, 'target' | 'targets'>> {
  if (target === undefined || target === 'argmax') return {}
  if (typeof target === 'object') return { targets: target }
  if (typeof target === 'string' && target.endsWith('.npy')) return { targets: (await arrayOf(target)).data }
  if (target !== 'label') return { target }
  if (!labels)
    throw new LrpError(
      'INVALID_ARGUMENT',
      "the target 'label' needs a data set with labels, but these images have none"
    )
  return { targets: labels }
}
