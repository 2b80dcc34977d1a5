import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import { packageRoot } from '../core/paths.js'

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
  let text: string
  try {
    text = await readFile(name, 'utf8')
  } catch (cause) {
    throw ioError(cause, `the classes '${name}' are not imagenet, and no file that can be read`)
  }
  if (!/^\s*[[{]/.test(text)) return text.trim().split(/\s*\r?\n\s*/)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `${name} is not valid JSON: ${(cause as Error).message}`, { cause })
  }
  const classes = classesFrom(json)
  if (classes) return classes
  throw new LrpError('INVALID_FILE', `${name} must be a list of class names, or give a name for each number from 0`)
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
