import { createHash } from 'node:crypto'
import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError, makeFolder } from '../files.js'
import type { ImageResult } from './evaluate.js'

/**
 * What a stopped evaluation has found so far: one line of JSON per chunk of images, under a fingerprint of everything that
 * was asked. Another question, another model or other images begin anew.
 */
export class Progress {
  private constructor(
    private readonly path: string | undefined,
    private readonly key: string,
    private readonly results: Map<string, ImageResult[]>
  ) {}

  /** @param folder nothing is kept without one */
  static async open(folder: string | undefined, asked: unknown): Promise<Progress> {
    const key = createHash('sha256').update(JSON.stringify(asked)).digest('hex')
    const results = new Map<string, ImageResult[]>()
    if (folder === undefined) return new Progress(undefined, key, results)
    await makeFolder(folder)
    const path = join(folder, 'progress.jsonl')
    const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n')
    for (const line of lines) {
      const entry = parse(line)
      if (entry?.key === key) results.set(entry.method, [...(results.get(entry.method) ?? []), ...entry.images])
    }
    if (results.size === 0) await rm(path, { force: true })
    return new Progress(path, key, results)
  }

  /** Results of the first images of a method. */
  of(method: string): ImageResult[] {
    return [...(this.results.get(method) ?? [])]
  }

  /** @throws LrpError IO */
  async add(method: string, images: ImageResult[]): Promise<void> {
    if (this.path === undefined) return
    try {
      await appendFile(this.path, JSON.stringify({ key: this.key, method, images }) + '\n')
    } catch (cause) {
      throw ioError(cause, `cannot write ${this.path}`)
    }
  }

  /** Everything is written elsewhere now. */
  async finish(): Promise<void> {
    if (this.path !== undefined) await rm(this.path, { force: true })
  }
}

/** A line that was cut off in the middle of writing counts as not there. */
function parse(line: string): { key: string; method: string; images: ImageResult[] } | undefined {
  try {
    return JSON.parse(line) as { key: string; method: string; images: ImageResult[] }
  } catch {
    return undefined
  }
}
