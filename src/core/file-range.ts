import { open, type FileHandle } from 'node:fs/promises'
import { LrpError } from './errors.js'
import { ioError } from './files.js'

/** A part of an open file: the whole, or a stored entry of an archive. */
export interface FileRange {
  file: FileHandle
  path: string
  start: number
  length: number
}

/** @throws LrpError INVALID_FILE where the range leaves its file */
export async function readRange(range: FileRange, offset: number, length: number): Promise<Uint8Array> {
  if (!(offset >= 0 && length >= 0 && offset + length <= range.length)) {
    throw new LrpError('INVALID_FILE', `${range.path} is truncated or damaged: one of its parts is outside the file`)
  }
  const data = new Uint8Array(new ArrayBuffer(length))
  for (let done = 0; done < length;) {
    const wanted = Math.min(length - done, 1 << 24)
    const { bytesRead } = await range.file.read(data, done, wanted, range.start + offset + done)
    if (bytesRead === 0) throw new LrpError('INVALID_FILE', `${range.path} is truncated`)
    done += bytesRead
  }
  return data
}

/** Reads something from a file, which is open meanwhile. @throws LrpError NOT_FOUND, IO, and what `read` throws */
export async function readFrom<T>(path: string, read: (whole: FileRange) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    return await read({ file, path, start: 0, length: (await file.stat()).size })
  } catch (cause) {
    throw ioError(cause, `cannot read ${path}`)
  } finally {
    await file?.close()
  }
}
