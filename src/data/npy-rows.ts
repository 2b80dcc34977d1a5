import { existsSync } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ioError } from '../core/files.js'
import { npyHeader } from '../core/npy.js'
import { sizeOf, type Tensor } from '../core/tensor.js'

/**
 * A .npy file (float32) that is written some rows at a time, in any order, under a hidden name until it is complete.
 * The rows of a stopped run are kept for the next run.
 */
export class NpyRows {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly start: number,
    private readonly shape: readonly number[]
  ) {}

  /** Opens the rows of a stopped run, or creates a new file. @throws LrpError IO */
  static async open(path: string, shape: readonly number[], goesOn: boolean): Promise<NpyRows> {
    const header = npyHeader(shape)
    let rows: NpyRows | undefined
    try {
      rows = new NpyRows(path, await open(partial(path), goesOn ? 'r+' : 'w'), header.length, shape)
      if (!goesOn) await rows.writeAll(header, 0)
      return rows
    } catch (cause) {
      await (goesOn ? rows?.close() : rows?.discard())
      throw ioError(cause, `cannot write ${path}`)
    }
  }

  /** Whether a stopped run has left rows of this file. */
  static isBegun(path: string): boolean {
    return existsSync(partial(path))
  }

  /**
   * Writes rows along the axis after `leading` ones: a tensor [...leading, rows, ...] at the place `from`.
   * @throws LrpError IO
   */
  async write(tensor: Tensor, from: number, leading = 0): Promise<void> {
    const outer = sizeOf(this.shape.slice(0, leading))
    const row = sizeOf(this.shape.slice(leading + 1))
    const count = tensor.data.length / outer
    const bytes = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
    try {
      for (let i = 0; i < outer; i++) {
        const at = this.start + 4 * (i * this.shape[leading]! + from) * row
        await this.writeAll(bytes.subarray(4 * i * count, 4 * (i + 1) * count), at)
      }
    } catch (cause) {
      throw ioError(cause, `cannot write ${this.path}`)
    }
  }

  /** A write can be incomplete, for example on a full disk. */
  private async writeAll(bytes: Buffer, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
  }

  /** Completes the file: it gets its final name. @throws LrpError IO */
  async finish(): Promise<void> {
    try {
      await this.file.sync()
      await this.file.close()
      await rename(partial(this.path), this.path)
    } catch (cause) {
      throw ioError(cause, `cannot write ${this.path}`)
    }
  }

  /** Closes the file without completing it, so that another run can continue. */
  async close(): Promise<void> {
    await this.file.close()
  }

  async discard(): Promise<void> {
    await this.file.close()
    await rm(partial(this.path), { force: true })
  }
}

function partial(path: string): string {
  return join(dirname(path), `.${basename(path)}.partial`)
}
