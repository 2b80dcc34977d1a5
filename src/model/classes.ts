import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import type { Graph, Task } from '../core/graph.js'
import { packageRoot } from '../core/paths.js'
import { counted } from '../core/plural.js'

/** No tokenizer has more. */
const MOST_WORDS = 2 ** 22

/** The 1,000 names of ImageNet's classes, in the order of all published networks. */
export async function imagenetClasses(): Promise<string[]> {
  return JSON.parse(await readFile(join(packageRoot, 'data', 'imagenet-classes.json'), 'utf8')) as string[]
}

/**
 * Names of classes: `imagenet`, or a file: a name on each line, or JSON: a list, `{ "0": "cat", "1": "dog" }`, or a
 * `config.json` with `id2label`.
 * @throws LrpError NOT_FOUND, INVALID_FILE
 */
export async function readClasses(name: string): Promise<string[]> {
  if (name === 'imagenet') return imagenetClasses()
  const text = await textOf(name, `the classes '${name}' must be imagenet or a readable file`)
  if (!isJson(text)) return text.trim().split(/\s*\r?\n\s*/)
  const classes = classesFrom(parsed(name, text))
  if (classes) return classes
  throw new LrpError('INVALID_FILE', `${name} must be a list of class names, or map each number from 0 to a name`)
}

/**
 * Words by the number of their token: a word on each line, or JSON: a list, `{ "word": 5 }` (vocab.json), or
 * `tokenizer.json`. Numbers without a word have none.
 * @throws LrpError NOT_FOUND, INVALID_FILE
 */
export async function readVocabulary(file: string): Promise<string[]> {
  const text = await textOf(file, `the vocabulary ${file} cannot be read`)
  if (!/^\s*(\{|\[\s*")/.test(text)) return text.replace(/\r?\n$/, '').split(/\r?\n/)
  const words = wordsFrom(parsed(file, text))
  if (words) return words
  throw new LrpError('INVALID_FILE', `${file} must be a vocabulary: a list of words, or a number for each word`)
}

function wordsFrom(json: unknown): string[] | undefined {
  const { model, added_tokens: added = [] } = json as { model?: { vocab?: unknown }; added_tokens?: unknown }
  if (model?.vocab !== undefined) {
    const words = wordsFrom(model.vocab)
    for (const { id, content } of added as { id: number; content: string }[]) if (words) words[id] = content
    return words
  }
  const listed = classesFrom(json)
  if (listed) return listed
  const numbers = Object.entries(json as object)
  if (numbers.length === 0 || !numbers.every(([, id]) => Number.isInteger(id) && id >= 0 && id < MOST_WORDS))
    return undefined
  const words = new Array<string>(numbers.reduce((most, [, id]) => Math.max(most, id as number), 0) + 1).fill('')
  for (const [word, id] of numbers) words[id as number] = word
  return words.map((word, id) => (word === '' ? String(id) : word))
}

const isJson = (text: string): boolean => /^\s*[[{]/.test(text)

async function textOf(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw ioError(cause, what)
  }
}

function parsed(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `${file} is not valid JSON: ${(cause as Error).message}`, { cause })
  }
}

/** A list of names, numbers with names, or either of them as `id2label` or `label_names`. */
export function classesFrom(json: unknown): string[] | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const { id2label, label_names: listed } = json as Record<string, unknown>
  if (id2label ?? listed) return classesFrom(id2label ?? listed)
  const names = Array.isArray(json)
    ? (json as unknown[])
    : Array.from({ length: Object.keys(json).length }, (_, i) => (json as Record<string, unknown>)[String(i)])
  return names.length > 0 && names.every((name) => typeof name === 'string') ? (names as string[]) : undefined
}

/** A network whose outputs have names. */
interface Named {
  name: string
  task: Task
  classes?: string[]
  graph: Graph
  shapes(): Record<string, number[]>
  source?: { options: { head?: string | number } }
}

/**
 * @param from what contains the names: a file or folder
 * @throws LrpError INVALID_ARGUMENT if a network has another number of outputs than names
 */
export function checkClasses(network: Named, from: string): void {
  const [, outputs = 0, boxes] = network.shapes()[network.graph.output]!
  const names = network.classes!.length
  if (outputs === 1 && names === 2 && network.task === 'classification') return // one logit tells two classes apart
  // a detection head has four numbers of each box before its classes, or its classes behind its boxes
  if (outputs === names || (boxes !== undefined && (outputs === names + 4 || boxes === names))) return
  const head = network.source?.options.head
  const has =
    head === undefined
      ? `${network.name} has ${counted(outputs, 'output')}`
      : `the output '${head}' of ${network.name} has ${counted(outputs, 'number')}`
  const found = `${counted(names, 'class name')}, but ${has}`
  throw new LrpError('INVALID_ARGUMENT', `${from} contains ${found}`)
}
