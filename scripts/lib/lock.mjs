import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { SetupError } from './run.mjs'

/**
 * Runs `body` while holding a lock, so that two set-ups at once do not spoil each other's work. The lock is a folder
 * with the owner's process number; one whose owner is gone is taken over.
 */
export async function withLock(path, body) {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    throw new SetupError(`cannot write to ${dirname(path)} (${error.code}): make it writable`)
  }
  let told = false
  while (!take(path)) {
    if (takeOver(path)) break
    if (!told) console.error(`waiting for another set-up to finish (${path})`)
    told = true
    await wait(300)
  }
  try {
    return await body()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

function take(path) {
  try {
    mkdirSync(path)
    writeFileSync(join(path, 'pid'), String(process.pid))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw new SetupError(`cannot write to ${dirname(path)} (${error.code}): make it writable`)
  }
}

/** Takes a lock whose owner is gone; of several that try, one succeeds. */
function takeOver(path) {
  if (!isStale(path)) return false
  const claim = join(path, 'takeover')
  try {
    if (existsSync(claim) && olderThanAMinute(claim)) rmSync(claim, { recursive: true, force: true })
    mkdirSync(claim)
  } catch {
    return false // another is taking it over, or its owner has just let go
  }
  const mine = isStale(path) // another may have taken it over before the claim
  if (mine) writeFileSync(join(path, 'pid'), String(process.pid))
  rmSync(claim, { recursive: true, force: true })
  return mine
}

function isStale(path) {
  try {
    process.kill(Number(readFileSync(join(path, 'pid'), 'utf8')), 0)
    return false
  } catch (error) {
    if (error.code === 'EPERM') return false
    if (error.code === 'ESRCH') return true
    return olderThanAMinute(path) // no process number yet: its owner has just begun, or died at once
  }
}

function olderThanAMinute(path) {
  try {
    return Date.now() - statSync(path).mtimeMs > 60_000
  } catch {
    return false
  }
}
