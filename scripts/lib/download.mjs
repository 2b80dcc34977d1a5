import { createHash } from 'node:crypto'
import { createReadStream, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { progressBar } from './progress-bar.mjs'
import { SetupError } from './run.mjs'

/**
 * Downloads to `path`: continues a part that is there, checks the size that the server names and the SHA-256 if one is
 * given, and gives the file its name only when it is whole.
 */
export async function download(address, path, { log = () => {}, sha256 } = {}) {
  if (existsSync(path)) return
  const part = `${path}.part`
  const have = existsSync(part) ? statSync(part).size : 0
  const response = await request(address, have)
  if (response.status === 416) {
    rmSync(part, { force: true })
    return download(address, path, { log, sha256 })
  }
  const resumed = response.status === 206
  const total = Number(response.headers.get('content-length') ?? NaN) + (resumed ? have : 0)
  log(`downloading ${address}${resumed ? ` from byte ${have}` : ''} (${(total / 1e6).toFixed(0)} MB) ...`)
  await write(response, part, resumed ? have : 0, total, address)
  const size = statSync(part).size
  if (!Number.isNaN(total) && size !== total) {
    throw new SetupError(`only ${size} of ${total} bytes of ${address} arrived: run again to continue`)
  }
  if (sha256) await checkSha256(part, sha256, address)
  renameSync(part, path)
}

/** Compares a file with the SHA-256 it must have; a file that differs is deleted. @throws SetupError */
export async function checkSha256(path, wanted, source = basename(path)) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  const found = hash.digest('hex')
  if (found === wanted) return
  rmSync(path, { force: true })
  throw new SetupError(`${source} has the SHA-256 ${found} instead of ${wanted}, so it was deleted: run again`)
}

async function write(response, part, have, total, address) {
  const file = await open(part, have > 0 ? 'a' : 'w')
  const bar = progressBar('libtorch', total)
  let bytes = have
  try {
    // every piece is written before the next is asked for: what came before a break is kept
    for await (const piece of response.body) {
      await file.write(piece)
      bar.advance((bytes += piece.length))
    }
  } catch (error) {
    const why = error.code === 'ENOSPC' ? 'the disk is full' : 'the connection broke'
    throw new SetupError(`the download of ${address} failed: ${why}; run again to continue`)
  } finally {
    bar.end()
    await file.close()
  }
}

async function request(address, have) {
  let response
  try {
    response = await fetch(address, { headers: have > 0 ? { range: `bytes=${have}-` } : {} })
  } catch (error) {
    throw new SetupError(`${address} cannot be reached (${error.cause?.code ?? error.message}): check the network`)
  }
  if (!response.ok && response.status !== 416)
    throw new SetupError(`the server of ${address} answered with the status ${response.status}`)
  return response
}
