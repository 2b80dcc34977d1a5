import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { SetupError } from './run.mjs'

/** Downloads to `path`: resumes a part that is there, checks the size the server names, renames when whole. */
export async function download(address, path, { log = () => {} } = {}) {
  if (existsSync(path)) return
  const part = `${path}.part`
  const have = existsSync(part) ? statSync(part).size : 0
  const response = await request(address, have)
  if (response.status === 416) {
    rmSync(part, { force: true })
    return download(address, path, { log })
  }
  const resumed = response.status === 206
  const total = Number(response.headers.get('content-length') ?? NaN) + (resumed ? have : 0)
  log(`downloading ${address}${resumed ? ` from byte ${have}` : ''} (${(total / 1e6).toFixed(0)} MB) ...`)
  const file = await open(part, resumed ? 'a' : 'w')
  try {
    // every piece is written before the next is asked for: what came before a break is kept
    for await (const piece of response.body) await file.write(piece)
  } catch (error) {
    const why = error.code === 'ENOSPC' ? 'the disk is full' : 'the connection broke'
    throw new SetupError(`${address}: ${why}; run again to go on from where it stopped`)
  } finally {
    await file.close()
  }
  const size = statSync(part).size
  if (!Number.isNaN(total) && size !== total) {
    throw new SetupError(`${address}: ${size} of ${total} bytes came; run again to go on from where it stopped`)
  }
  renameSync(part, path)
}

async function request(address, have) {
  let response
  try {
    response = await fetch(address, { headers: have > 0 ? { range: `bytes=${have}-` } : {} })
  } catch (error) {
    throw new SetupError(`${address} cannot be reached (${error.cause?.code ?? error.message}): check the network`)
  }
  if (!response.ok && response.status !== 416) throw new SetupError(`${address} answered ${response.status}`)
  return response
}
