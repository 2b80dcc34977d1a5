import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { LrpError } from './errors.js'
import { isAlive } from './process.js'
import { repeatedKey } from './repeated-key.js'

type Part = string | Uint8Array

/**
 * Writes a file under a temporary name, then renames it: what was there before stays whole until the new one is.
 * @throws LrpError IO naming the path: no permission, full disk, ...
 */
export async function writeAtomic(path: string, data: Part | Iterable<Part> | AsyncIterable<Part>): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  await sweep(folder)
  try {
    const file = await open(temporary, 'wx')
    try {
      const parts = typeof data === 'string' || ArrayBuffer.isView(data) ? [data as Part] : data
      for await (const part of parts) await file.appendFile(part)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined) // the first error is the one to tell
    throw ioError(cause, `cannot write ${path}`)
  }
}

/** Folders that this process has looked through. */
const swept = new Set<string>()

async function sweep(folder: string): Promise<void> {
  const path = resolve(folder)
  if (swept.has(path)) return
  swept.add(path)
  await removeLeftovers(path)
}

/** Removes the temporary files that killed processes of this machine left in a folder. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = /^\..+\.(\d+)\.[0-9a-f]{8}\.tmp$/.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true }).catch(() => undefined)
  }
}

/** Copies a file under a temporary name, then renames it. @throws LrpError IO, NOT_FOUND */
export async function copyAtomic(from: string, to: string): Promise<void> {
  const file = await open(from).catch((cause: unknown) => {
    throw ioError(cause, `cannot read ${from}`)
  })
  try {
    await writeAtomic(to, file.createReadStream({ autoClose: false }))
  } finally {
    await file.close()
  }
}

/**
 * Reads a JSON file.
 * @param failure what to say, before the reason, when it cannot be read
 * @throws LrpError NOT_FOUND, IO, INVALID_FILE
 */
export async function readJson(path: string, failure = `cannot read ${path}`): Promise<unknown> {
  return parseJson((await readBytes(path, failure)).toString(), path)
}

/** A whole file. @throws LrpError NOT_FOUND, IO */
export async function readBytes(path: string, failure = `cannot read ${path}`): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw ioError(cause, failure)
  }
}

/** What the text of a JSON file says. @throws LrpError INVALID_FILE naming the file */
export function parseJson(text: string, path: string): unknown {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `${path} is not valid JSON: ${(cause as Error).message}`, { cause })
  }
  const key = repeatedKey(text)
  if (key === undefined) return json
  throw new LrpError('INVALID_FILE', `${path} has the key '${key}' twice in one object`)
}

/** Makes a folder and those above it. @throws LrpError IO */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path)
  } catch (cause) {
    throw ioError(cause, `cannot make the folder ${path}`)
  }
}

/** Node.js's own way turns in a circle for ever where a folder is there but takes none, as /proc does. */
async function makeFolders(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return
  try {
    await mkdir(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return // another process was quicker
    if (code !== 'ENOENT' || dirname(path) === path) throw cause
    await makeFolders(dirname(path))
    await mkdir(path).catch(async (error: unknown) => {
      if (!(await stat(path).catch(() => undefined))?.isDirectory()) throw error
    })
  }
}

/** An operating system's error as an LrpError; an LrpError stays what it is. */
export function ioError(cause: unknown, what: string): LrpError {
  const error = cause as NodeJS.ErrnoException
  if (error.name === 'LrpError') return cause as LrpError
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOENT: 'it does not exist',
    ENOTDIR: 'a part of the path is not a folder',
    EEXIST: 'a file or folder of this name already exists',
    EISDIR: 'it is a folder'
  }
  const code = error.code === 'ENOENT' ? 'NOT_FOUND' : 'IO'
  return new LrpError(code, `${what}: ${reasons[error.code ?? ''] ?? error.message}`, { cause })
}
