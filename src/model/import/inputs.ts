import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import { unknownName } from '../../core/suggest.js'
import type { DType, RawTensor, Tensor } from '../../core/tensor.js'
import { Constant } from './onnx/constant.js'

/** Of a file with several inputs: which one is explained, and arrays for the others. */
export interface GivenInputs {
  inputName?: string
  constants?: ReadonlyMap<string, Tensor>
}

/** An input as a file declares it; an axis that it leaves open is null. */
export interface DeclaredInput {
  name: string
  shape: (number | null)[]
  dtype: DType
}

/**
 * The input that is explained: the one that is named, else the one that is given no array.
 * @throws LrpError INVALID_ARGUMENT for names that the file does not have; UNSUPPORTED where inputs are left over, saying what to give
 */
export function explainedInput(path: string, inputs: DeclaredInput[], given: GivenInputs): string {
  const names = inputs.map(({ name }) => name)
  const { inputName, constants = new Map<string, Tensor>() } = given
  for (const name of [...(inputName === undefined ? [] : [inputName]), ...constants.keys()])
    if (!names.includes(name)) throw unknownName('input', name, names)
  if (inputName !== undefined && constants.has(inputName))
    throw optionError('constant', `: '${inputName}' is the input that is explained`)
  const open = names.filter((name) => !constants.has(name) && name !== inputName)
  if (inputName !== undefined && open.length === 0) return inputName
  if (inputName === undefined && open.length === 1) return open[0]!
  if (inputName === undefined && open.length === 0)
    throw optionError('constant', `: no input of ${path} is left to be explained`)
  const listed = inputs.map(({ name, shape }) => `'${name}' [${shape.map((axis) => axis ?? 'any').join(', ')}]`)
  const which =
    inputName === undefined
      ? 'name the one to explain by --input-name, and give the others'
      : `give ${open.map((name) => `'${name}'`).join(', ')}`
  const has = `${path} has ${inputs.length} inputs (${listed.join(', ')})`
  throw new LrpError('UNSUPPORTED', `${has}: ${which} as --constant NAME=FILE.npy`)
}

/**
 * An array for an input as a weight of its number type. One row holds for every image where the file leaves the first axis open.
 * @throws LrpError INVALID_ARGUMENT where the array does not fit
 */
export function constantFor({ name, shape, dtype }: DeclaredInput, { data, shape: given }: Tensor): RawTensor {
  const fits = given.length === shape.length && shape.every((axis, i) => axis === null || axis === given[i])
  if (fits && (shape[0] !== null || given[0] === 1)) return Constant.of(Array.from(data), given, dtype).raw
  const wanted = shape.map((axis, i) => axis ?? (i === 0 ? 1 : 'any')).join(', ')
  throw optionError('constant', `: the array for '${name}' has the shape [${given.join(', ')}], it takes [${wanted}]`)
}
