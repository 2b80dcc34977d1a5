import { optionError } from '../core/options.js'
import { counted } from '../core/plural.js'
import { nounOf, type InputKind } from './input-kind.js'

/** What is read of a model whose tokens or columns have names. */
interface Named {
  name: string
  inputKind: InputKind
  imageShape: number[]
  parts: { vocabulary?: string[] }
}

/** @throws LrpError INVALID_ARGUMENT where there are no words or columns to be named, or another number of columns */
export function checkVocabulary({ name, inputKind, imageShape, parts: { vocabulary = [] } }: Named): void {
  if (inputKind !== 'tokens' && inputKind !== 'table')
    throw optionError('vocabulary', ` works only with tokens and tables, but ${name} takes ${nounOf(inputKind)}s`)
  const columns = imageShape[0]!
  if (inputKind === 'table' && columns > 0 && vocabulary.length !== columns)
    throw optionError(
      'vocabulary',
      ` must have one name for each of the ${counted(columns, 'column')}, not ${counted(vocabulary.length, 'name')}`
    )
}
