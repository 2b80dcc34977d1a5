import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import { unknownName } from '../../core/suggest.js'
import type { GraphNode } from '../../core/graph.js'
import { sizeOf, type DType, type RawTensor, type Tensor } from '../../core/tensor.js'
import { furtherInputAttributes } from '../further-inputs.js'
import { Constant } from './onnx/constant.js'

/** Of a file with several inputs: which one is explained, and arrays for the others. */
export interface GivenInputs {
  inputName?: string
  constants?: ReadonlyMap<string, Tensor>
  /** The others that get relevance too. */
  explainInputs?: 'all' | readonly string[]
}

/** What a file's further input becomes: a constant, or an input of the network with rows for each image. */
export interface OtherInput {
  name: string
  /** The first row of several. */
  tensor: RawTensor
  /** The file has a row of it for every image. */
  isPerImage: boolean
  /** Attributes of the input's node; absent for a constant. */
  attributes?: GraphNode['attributes']
}

/** An input as a file declares it; an axis that it leaves open is null. */
export interface DeclaredInput {
  name: string
  shape: (number | null)[]
  dtype: DType
}

/**
 * The input that images come by, and what the others are.
 * @throws LrpError INVALID_ARGUMENT for names that the file does not have and arrays that do not match; UNSUPPORTED where inputs are left
 *   over, saying what to give, and for an input that can have no relevance
 */
export function chooseInputs(
  path: string,
  inputs: DeclaredInput[],
  given: GivenInputs
): { explained: string; others: OtherInput[] } {
  const { explainInputs = [], constants } = given
  const explained = explainedInput(path, inputs, given)
  const own = inputs.find(({ name }) => name === explained)!
  const others = inputs.filter(({ name }) => name !== explained)
  const isExplained = ({ name }: DeclaredInput): boolean => explainInputs === 'all' || explainInputs.includes(name)
  const names = inputs.map(({ name }) => name)
  for (const name of explainInputs === 'all' ? [] : explainInputs)
    if (!names.includes(name)) throw unknownName('input', name, names)
  return {
    explained,
    others: others.map((one) => otherInput(path, one, own, isExplained(one), constants?.get(one.name)))
  }
}

function otherInput(
  path: string,
  input: DeclaredInput,
  own: DeclaredInput,
  explained: boolean,
  array: Tensor | undefined
): OtherInput {
  const { name, shape, dtype } = input
  const isPerImage = shape.length > 0 && shape[0] === own.shape[0]
  const rows = array?.shape[0] ?? 0
  if (!explained && (!isPerImage || shape[0] !== null || rows <= 1))
    return { name, tensor: constantFor(input, array!), isPerImage: shape[0] === null }
  const row = shape.slice(1)
  const why = !isPerImage
    ? 'it does not have one row for each image'
    : !['f16', 'bf16', 'f32', 'f64'].includes(dtype)
      ? 'it contains integers'
      : row.includes(null)
        ? 'the file does not state its size'
        : undefined
  if (why !== undefined)
    throw new LrpError('UNSUPPORTED', `the input '${name}' of ${path} cannot have relevance, because ${why}`)
  const sizes = row as number[]
  const first = array && { data: array.data.slice(0, sizeOf(sizes)), shape: [1, ...array.shape.slice(1)] }
  const zeros = { data: new Float32Array(sizeOf(sizes)), shape: [1, ...sizes] }
  const tensor = constantFor({ ...input, shape: [null, ...row] }, first ?? zeros)
  return {
    name,
    tensor,
    isPerImage,
    attributes: furtherInputAttributes({ shape: sizes, explained, required: rows !== 1 })
  }
}

/** The input that is explained first: the one that is named, else the one that is given no array. */
function explainedInput(path: string, inputs: DeclaredInput[], given: GivenInputs): string {
  const names = inputs.map(({ name }) => name)
  const { inputName, constants = new Map<string, Tensor>(), explainInputs = [] } = given
  for (const name of [...(inputName === undefined ? [] : [inputName]), ...constants.keys()])
    if (!names.includes(name)) throw unknownName('input', name, names)
  if (inputName !== undefined && constants.has(inputName))
    throw optionError('constant', ` cannot hold '${inputName}' constant, because it is the explained input`)
  const open = names.filter(
    (name) =>
      !constants.has(name) &&
      name !== inputName &&
      (explainInputs === 'all' ? inputName === undefined : !explainInputs.includes(name))
  )
  if (inputName !== undefined && open.length === 0) return inputName
  if (inputName === undefined && open.length === 1) return open[0]!
  if (inputName === undefined && open.length === 0)
    throw optionError('constant', ` holds every input of ${path} constant: omit the input to explain`)
  const listed = inputs.map(({ name, shape }) => `'${name}' [${shape.map((axis) => axis ?? 'any').join(', ')}]`)
  const which =
    inputName === undefined
      ? 'name the one to explain with --input-name, and pass the others'
      : `give ${open.map((name) => `'${name}'`).join(', ')}`
  const has = `${path} has ${inputs.length} inputs (${listed.join(', ')})`
  throw new LrpError('UNSUPPORTED', `${has}: ${which} as --constant NAME=FILE.npy`)
}

/**
 * An array for an input as a weight of its number type. One row holds for every image where the file leaves the first axis open.
 * @throws LrpError INVALID_ARGUMENT where the array does not match
 */
function constantFor({ name, shape, dtype }: DeclaredInput, { data, shape: given }: Tensor): RawTensor {
  const fits = given.length === shape.length && shape.every((axis, i) => axis === null || axis === given[i])
  if (fits && (shape[0] !== null || given[0] === 1)) return Constant.of(Array.from(data), given, dtype).raw
  const wanted = shape.map((axis, i) => axis ?? (i === 0 ? 1 : 'any')).join(', ')
  throw optionError(
    'constant',
    `: the array for '${name}' has the shape [${given.join(', ')}], but the input takes [${wanted}]`
  )
}
