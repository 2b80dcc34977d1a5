import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import { LrpError } from '../core/errors.js'
import { pickOptions } from '../core/option.js'
import { checkOptions } from '../core/options.js'
import type { Tensor } from '../core/tensor.js'
import type { Model } from '../model/model.js'
import { explain, type Explanation } from './explain.js'
import { checkExplainEffects } from './prepare.js'
import { explainToFilesOptions, inputOptions, type InputOptions } from './file-options.js'
import { batchOf, openInputs, type Batch } from './inputs.js'
import { explainOptions } from './options.js'
import { defaultPassSize } from './pass-size.js'

const { target, passSize } = explainToFilesOptions.shape

/** Options of `explainAll`. */
export const explainAllOptions = z.strictObject({ ...explainOptions.shape, target, passSize })

/** Options of `explainAll`: the options of `explain`, and the number of images in each part (docs/options.md). */
export type ExplainAllOptions = z.input<typeof explainAllOptions>

/** Source of images: a data set, the options of `Model.read`, or preprocessed batches [images, ...]. */
export type ImageSource = Dataset | InputOptions | Iterable<Tensor> | AsyncIterable<Tensor>

/** A part of the images with its explanation. */
export interface ExplainedPart extends Explanation, Batch {
  /** Number of images in the parts before this one. */
  from: number
}

/**
 * Explains any number of images in parts. Only one part is in memory at a time, and the next part is read when it is
 * requested. For a data set, each part has `passSize` images. If you pass batches, each batch is a part.
 * @param options the options of `explain`; the target `label` needs a data set with labels
 * @throws LrpError as `explain`; NOT_FOUND and INVALID_FILE for images
 * @example
 * for await (const part of explainAll(model, { dataPath: 'photos' }, { composite: 'epsilon-plus-flat' }))
 *   console.log(part.names, part.sums)
 */
export async function* explainAll(
  model: Model,
  data: ImageSource = {},
  options: ExplainAllOptions = {}
): AsyncGenerator<ExplainedPart, void, undefined> {
  const given = checkOptions(explainAllOptions, options)
  const how = pickOptions(explainOptions, given)
  checkExplainEffects(how)
  const { batches, total } = isBatches(data)
    ? { batches: named(data), total: undefined }
    : await ofSource(model, data, given)
  let from = 0
  for await (const batch of batches) {
    const explanation = await explain(model, batch.input, { ...how, ...ownTargets(how, batch), onProgress: undefined })
    yield { ...explanation, ...batch, from }
    from += batch.names.length
    given.onProgress?.(from, total ?? from)
  }
}

function isBatches(data: ImageSource): data is Iterable<Tensor> | AsyncIterable<Tensor> {
  return Symbol.iterator in data || Symbol.asyncIterator in data
}

async function* named(batches: Iterable<Tensor> | AsyncIterable<Tensor>): AsyncGenerator<Batch> {
  let from = 0
  for await (const input of batches) {
    const images = input.shape[0]!
    yield { input, names: Array.from({ length: images }, (_, i) => String(from + i)) }
    from += images
  }
}

async function ofSource(
  model: Model,
  data: Dataset | InputOptions,
  { passSize, target, signal }: ExplainAllOptions
): Promise<{ batches: AsyncIterable<Batch>; total: number }> {
  const asked = checkOptions(inputOptions, 'splits' in data ? { data } : data)
  const inputs = await openInputs(model, { limit: Infinity, ...asked, signal } as InputOptions)
  const total = inputs.names.length
  const size = passSize ?? (await defaultPassSize(model, target))
  async function* batches(): AsyncGenerator<Batch> {
    for (let from = 0; from < total; from += size) yield await batchOf(inputs, from, Math.min(total, from + size))
  }
  return { batches: batches(), total }
}

function ownTargets({ target }: ExplainAllOptions, { labels }: Batch): Pick<ExplainAllOptions, 'target' | 'targets'> {
  if (target !== 'label') return {}
  if (labels) return { target: undefined, targets: labels }
  throw new LrpError('INVALID_ARGUMENT', "the target 'label' needs a data set with labels, but these images have none")
}
