import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digest } from '../core/digest.js'
import { writeAtomic } from '../core/files.js'
import type { AuditOptions } from './options.js'
import type { AuditResult } from './result.js'
import type { Patch } from './audit-class.js'

const FILE = '.audit.done.json'
/** By format, what a finished audit has written. */
const WRITTEN = { html: 'audit.html', virelay: join('virelay', 'project.yaml') } as const

/** A finished audit, kept so that the same audit can write more of its result. */
export interface Finished {
  result: AuditResult
  patches: Patch[]
}

/** What an audit of the same images, model and settings found; undefined if there is none, or a file is missing. */
export async function readFinished(
  folder: string,
  asked: unknown,
  { format = ['html'] }: Pick<AuditOptions, 'format'>
): Promise<Finished | undefined> {
  if (!format.every((one) => existsSync(join(folder, WRITTEN[one])))) return undefined
  try {
    const { key, ...finished } = JSON.parse(await readFile(join(folder, FILE), 'utf8')) as Finished & { key: string }
    return key === digest(asked) ? finished : undefined
  } catch {
    return undefined
  }
}

/** Keeps what an audit found. @throws LrpError IO */
export function keepFinished(folder: string, asked: unknown, finished: Finished): Promise<void> {
  return writeAtomic(join(folder, FILE), JSON.stringify({ key: digest(asked), ...finished }))
}
