import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { probabilities } from '../core/logits.js'
import { option } from '../core/option.js'
import { checkOptions, optionError } from '../core/options.js'
import type { Tensor } from '../core/tensor.js'
import { readNpy, readNpz } from '../core/npy.js'
import type { Model } from '../model/model.js'

/** Options of `compareOutputs`. */
export const compareOutputsOptions = z.strictObject({
  input: option(z.string().min(1), {
    help: ".npy file with inputs of the network, [images, ...]; the command compares the network's outputs for them with --logits",
    group: 'images',
    unit: 'file'
  }),
  logits: option(z.string().min(1), {
    help: ".npy file with another tool's outputs for --input, [images, outputs]",
    group: 'images',
    unit: 'file'
  }),
  activations: option(z.string().min(1), {
    help: ".npz file, or folder of .npy files, with another tool's outputs of individual nodes, to compare like --logits; each array must have the name of its node",
    group: 'images',
    unit: 'path'
  }),
  tolerance: option(z.number().gt(0).default(1e-3), {
    help: 'largest difference between outputs that count as equal, as a fraction of the largest value',
    group: 'how',
    unit: 'fraction'
  })
})

export type CompareOutputsOptions = z.input<typeof compareOutputsOptions>

/** How one output of the network differs from the other tool's. */
export interface OutputDifference {
  node: string
  /** Largest difference, as a share of the other tool's largest magnitude. */
  difference: number
}

export interface OutputComparison {
  images: number
  agrees: boolean
  /** Difference of the logits, or of the probabilities if those were given. */
  logits: OutputDifference
  /** Compared nodes in order of execution. */
  nodes: OutputDifference[]
  /** The first compared node beyond the tolerance. */
  firstDifference?: OutputDifference
  /** Names of activations that are not nodes of the network. */
  unknown: string[]
}

/**
 * Compares the outputs of a network with the outputs of another tool for the same input, to check an import.
 * @throws LrpError NOT_FOUND, INVALID_FILE; INVALID_ARGUMENT if shapes do not fit, or if no array has the name of a
 * node
 */
export async function compareOutputs(model: Model, options: CompareOutputsOptions): Promise<OutputComparison> {
  const { input: inputPath, logits: logitsPath, activations, tolerance } = checkOptions(compareOutputsOptions, options)
  if (inputPath === undefined || logitsPath === undefined)
    throw optionError(
      inputPath === undefined ? 'input' : 'logits',
      " is missing: the comparison needs both 'input' and 'logits'"
    )
  const input = await readNpy(inputPath)
  const logits = await model.forward(input)
  const theirs = await readNpy(logitsPath)
  const ours = model.removed && areProbabilities(theirs) ? probabilities(logits, model.multilabel) : logits.data
  const { output, nodes } = model.graph
  const whole = { node: output, difference: difference(ours, theirs, logitsPath) }
  const given = activations === undefined ? {} : await readActivations(activations)
  const known = nodes.map(({ name }) => name).filter((name) => name in given)
  const unknown = Object.keys(given).filter((name) => !known.includes(name))
  if (activations !== undefined && known.length === 0)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${activations} contains no outputs of nodes of ${model.name}: use inspect to list the nodes`
    )
  const compared: OutputDifference[] = []
  for (const node of known) {
    const found = await model.outputsOf(input, [node])
    compared.push({ node, difference: difference(found[node]!.data, given[node]!, `${node} of ${activations}`) })
  }
  const firstDifference = [...compared, whole].find((one) => one.difference > tolerance)
  const agrees = firstDifference === undefined
  return { images: input.shape[0]!, agrees, logits: whole, nodes: compared, firstDifference, unknown }
}

/** Arrays by name: of an archive, or of the .npy files of a folder. */
async function readActivations(path: string): Promise<Record<string, Tensor>> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new LrpError('NOT_FOUND', `the activations ${path} do not exist`)
  if (!found.isDirectory()) return readNpz(path)
  const files = (await readdir(path)).filter((name) => name.endsWith('.npy'))
  const read = async (name: string): Promise<[string, Tensor]> => [name.slice(0, -4), await readNpy(join(path, name))]
  return Object.fromEntries(await Promise.all(files.map(read)))
}

function areProbabilities({ data }: Tensor): boolean {
  return data.every((value) => value >= 0 && value <= 1)
}

/** Largest difference as a share of their largest magnitude; infinite if a value is not finite. */
function difference(ours: ArrayLike<number>, theirs: Tensor, where: string): number {
  if (ours.length !== theirs.data.length)
    throw new LrpError(
      'INVALID_ARGUMENT',
      `${where} contains ${theirs.data.length} numbers (${theirs.shape.join('x')}), but the network outputs ${ours.length} numbers`
    )
  let [most, largest] = [0, 0]
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i]!, theirs.data[i]!]
    const apart = Math.abs(a - b)
    if (!Number.isFinite(apart)) return Infinity
    most = Math.max(most, apart)
    largest = Math.max(largest, Math.abs(b))
  }
  return most / Math.max(largest, 1e-12)
}
