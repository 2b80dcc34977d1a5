import { join } from 'node:path'
import { makeFolder } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import type { ImageResult } from './results.js'

/** The next images of a method. */
interface Chunk {
  method: string
  images: ImageResult[]
}

/** Results of a stopped evaluation. With other settings, another model or other images it starts from the beginning. */
export class Progress {
  private constructor(
    private readonly log: LineLog<Chunk> | undefined,
    private readonly done: Chunk[]
  ) {}

  /**
   * @param folder nothing is kept without one
   * @param key stands for everything that results depend on
   * @throws LrpError IO
   */
  static async open(folder: string | undefined, key: string): Promise<Progress> {
    if (folder === undefined) return new Progress(undefined, [])
    await makeFolder(folder)
    const { log, done } = await LineLog.open<Chunk>(join(folder, 'progress.jsonl'), key)
    return new Progress(log, done)
  }

  /** Results of the first images of a method. */
  of(method: string): ImageResult[] {
    return this.done.filter((chunk) => chunk.method === method).flatMap(({ images }) => images)
  }

  /** @throws LrpError IO */
  async add(method: string, images: ImageResult[]): Promise<void> {
    await this.log?.add({ method, images })
  }

  /** Everything is written elsewhere now. */
  async finish(): Promise<void> {
    await this.log?.remove()
  }
}
