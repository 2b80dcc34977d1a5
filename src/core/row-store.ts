import { existsSync } from 'node:fs'
import { open, rm, truncate, type FileHandle } from 'node:fs/promises'
import { ioError } from './files.js'

/** Rows of equal width, one after the other. */
export interface Rows {
  data: Float32Array
  count: number
  width: number
}

/** Rows of numbers in a file, written as they come; what a stopped run has written stays for the next. */
export class RowStore {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle
  ) {}

  /** @param bytes what a stopped run is known to have written @throws LrpError IO */
  static async open(path: string, bytes: number): Promise<RowStore> {
    try {
      if (bytes > 0) await truncate(path, bytes)
      return new RowStore(path, await open(path, bytes > 0 ? 'r+' : 'w+'))
    } catch (cause) {
      throw ioError(cause, `cannot write ${path}`)
    }
  }

  static isThere(path: string): boolean {
    return existsSync(path)
  }

  /** Writes rows of `width` numbers from row `from` on. @throws LrpError IO */
  async write(rows: Float32Array, from: number, width: number): Promise<void> {
    const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
    try {
      for (let done = 0; done < bytes.length;) {
        const at = 4 * from * width + done
        done += (await this.file.write(bytes, done, bytes.length - done, at)).bytesWritten
      }
    } catch (cause) {
      throw ioError(cause, `cannot write ${this.path}`)
    }
  }

  /** `count` rows of `width` numbers from row `from` on. @throws LrpError IO */
  async read(from: number, count: number, width: number): Promise<Rows> {
    const data = new Float32Array(count * width)
    try {
      const bytes = Buffer.from(data.buffer)
      for (let done = 0; done < bytes.length;) {
        const at = 4 * from * width + done
        const { bytesRead } = await this.file.read(bytes, done, bytes.length - done, at)
        if (bytesRead === 0) throw new Error('the file is too short')
        done += bytesRead
      }
    } catch (cause) {
      throw ioError(cause, `cannot read ${this.path}`)
    }
    return { data, count, width }
  }

  async close(): Promise<void> {
    await this.file.close()
  }

  async remove(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
  }
}
