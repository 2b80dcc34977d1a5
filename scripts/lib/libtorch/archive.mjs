import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { download } from '../download.mjs'
import { cacheRoot } from '../paths.mjs'
import { SetupError } from '../run.mjs'
import { system } from '../system.mjs'
import { VERSION, cacheFolder, emptyFolder, finish, inspect, makeFolder, unpack } from './folder.mjs'

/** The address of an official archive, for machines without pip and for CUDA; undefined where there is none. */
export function archiveAddress(variant) {
  if (process.env.LRP_NATIVE_LIBTORCH_URL) return process.env.LRP_NATIVE_LIBTORCH_URL
  const host = 'https://download.pytorch.org/libtorch'
  if (system === 'linux-x64') return `${host}/${variant}/libtorch-shared-with-deps-${VERSION}%2B${variant}.zip`
  if (system === 'darwin-arm64' && variant === 'cpu') return `${host}/cpu/libtorch-macos-arm64-${VERSION}.zip`
  return undefined
}

/**
 * The official archive: resumable, its SHA-256 checked. The publisher names no SHA-256, so the user gives it, or says
 * `none` to take what the server sends.
 */
export async function fetchArchive({ variant, log, sha256 = process.env.LRP_NATIVE_LIBTORCH_SHA256 }) {
  const address = archiveAddress(variant)
  if (!address) throw new SetupError(`there is no official libtorch archive for ${system}: set LRP_NATIVE_LIBTORCH`)
  if (!/^([0-9a-f]{64}|none)$/i.test(sha256 ?? '')) {
    throw new SetupError(
      `the SHA-256 of ${address} is not known: run "npx lrp-native doctor --libtorch ${variant} --sha256 HASH"; --sha256 none skips this check`
    )
  }
  makeFolder(cacheRoot)
  const name = createHash('sha256').update(address).digest('hex').slice(0, 16)
  const archive = join(cacheRoot, `archive-${name}.zip`)
  await download(address, archive, { log, sha256: sha256 === 'none' ? undefined : sha256.toLowerCase() })
  const folder = cacheFolder('chosen')
  const work = emptyFolder(`${folder}.partial`)
  log('unpacking libtorch ...')
  const needed = /^libtorch\/(lib|include|share\/cmake)\//
  await unpack(archive, work, (entry) => (needed.test(entry) ? entry.replace(/^libtorch/, 'torch') : undefined))
  rmSync(archive, { force: true })
  if (!inspect(join(work, 'torch'))) throw new SetupError(`${address} does not contain libtorch: check the address`)
  return finish(work, folder, address)
}
