import { existsSync } from 'node:fs'
import { appendFile, readFile, rm } from 'node:fs/promises'
import { ioError, writeAtomic } from './files.js'

/**
 * What a run that may be stopped has done so far: a line of JSON for each piece of work, under a key that stands for
 * everything that was asked.
 */
export class LineLog<Entry> {
  private constructor(private readonly path: string) {}

  /**
   * The pieces that a stopped run with the same key has done, in order; an empty log under another key. A line that was cut off
   * while it was written counts as not there, and nothing behind it.
   * @throws LrpError IO
   */
  static async open<Entry>(path: string, key: string): Promise<{ log: LineLog<Entry>; done: Entry[] }> {
    const lines = existsSync(path) ? (await readFile(path, 'utf8')).split('\n') : []
    const done: Entry[] = []
    if (lines[0] === key) {
      for (const line of lines.slice(1, -1)) {
        const entry = parsed<Entry>(line)
        if (!entry) break
        done.push(entry)
      }
    }
    await writeAtomic(path, [key, ...done.map((entry) => JSON.stringify(entry)), ''].join('\n'))
    return { log: new LineLog<Entry>(path), done }
  }

  /** After everything else of the piece is written. @throws LrpError IO */
  async add(entry: Entry): Promise<void> {
    try {
      await appendFile(this.path, `${JSON.stringify(entry)}\n`)
    } catch (cause) {
      throw ioError(cause, `cannot write ${this.path}`)
    }
  }

  /** Everything is done. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

function parsed<Entry>(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry
  } catch {
    return undefined
  }
}
