import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { ioError } from '../core/files.js'
import { isAlive } from '../core/process.js'

const PREFIX = '.lock-'

interface Holder {
  pid: number
  host: string
}

/** Locks that this process holds. */
const own = new Set<string>()

/**
 * Takes a folder for one run. Two that try at once may both be refused, but never both succeed: each announces itself before
 * it looks for others. The lock of a process that was killed does not count.
 * @returns the lock's file; undefined while another run holds the folder
 */
export function lockFolder(folder: string): string | undefined {
  const path = join(folder, `${PREFIX}${randomBytes(8).toString('hex')}`)
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder), { flag: 'wx' })
    own.add(path)
    const others = readdirSync(folder).filter((name) => isLock(name) && join(folder, name) !== path)
    if (!others.map((name) => join(folder, name)).some(isHeld)) return path
  } catch (cause) {
    unlockFolder(path)
    throw ioError(cause, `cannot lock ${folder}`)
  }
  unlockFolder(path)
  return undefined
}

export function unlockFolder(lock: string): void {
  rmSync(lock, { force: true })
  own.delete(lock)
}

export function isLock(name: string): boolean {
  return name.startsWith(PREFIX)
}

/** Whether a lock's process lives; the file of one that does not is removed. Another machine's counts as living. */
function isHeld(path: string): boolean {
  if (own.has(path)) return true
  let holder: Holder
  try {
    holder = JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== 'ENOENT' // one that is being written is held
  }
  if (holder.host !== hostname() || isAlive(holder.pid)) return true
  rmSync(path, { force: true })
  return false
}
