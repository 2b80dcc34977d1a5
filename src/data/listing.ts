import { checkDataset, type Dataset, type Split, type SplitName } from './dataset.js'
import { Decoder, type DecodeOptions, type LabelledFile } from './decode.js'
import { complete, type SplitOptions } from './split.js'

/** Labelled image files, none of which is read yet. */
export interface Listing {
  name: string
  task?: Dataset['task']
  /** Names of the classes; of the values for regression. */
  classes: string[]
  /** Splits that are given; the others are taken from the training files. */
  splits: { train: LabelledFile[]; valid?: LabelledFile[]; test?: LabelledFile[] }
}

/**
 * The splits of a listing; missing splits are created. The place of every image is known before it is read.
 * @throws LrpError as `checkShares`
 */
export function splitsOf({ name, splits }: Listing, options: SplitOptions): Dataset['splits'] {
  const { train, valid, test } = splits
  const parts = { train: unread(train), ...(valid && { valid: unread(valid) }), ...(test && { test: unread(test) }) }
  return complete(name, parts, options)
}

/**
 * Decodes a data set of image files.
 * @param wanted the splits to read; the others are empty
 * @throws LrpError INVALID_FILE (nothing readable), INVALID_ARGUMENT (sizes differ)
 */
export async function readListing(
  listing: Listing,
  options: DecodeOptions & SplitOptions,
  wanted?: readonly SplitName[]
): Promise<Dataset> {
  const { name, task, classes } = listing
  const listed = splitsOf(listing, options)
  const files = (split: SplitName): LabelledFile[] => ((wanted?.includes(split) ?? true) ? filesOf(listed[split]) : [])
  const [train, valid, test] = [files('train'), files('valid'), files('test')]
  const decoder = await Decoder.create([...train, ...valid, ...test], options)
  const splits = { train: await decoder.read(train), valid: await decoder.read(valid), test: await decoder.read(test) }
  return checkDataset({ name, ...(task && { task }), classes, splits, ...decoder.rest() })
}

function unread(files: LabelledFile[]): Split {
  const values = files[0]?.values && Float32Array.from(files.flatMap((file) => file.values!))
  const labels = Int32Array.from(files, ({ label }) => label)
  return { images: new Uint8Array(0), labels, ...(values && { values }), paths: files.map(({ path }) => path) }
}

function filesOf({ labels, values, paths = [] }: Split): LabelledFile[] {
  const width = values && labels.length > 0 ? values.length / labels.length : 0
  return paths.map((path, i) => ({
    path,
    label: labels[i]!,
    ...(values && { values: Array.from(values.subarray(i * width, (i + 1) * width)) })
  }))
}
