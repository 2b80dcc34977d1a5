import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LrpError } from '../core/errors.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { cacheRoot } from '../core/paths.js'
import { hasIdxPair } from './idx.js'

/** SHA-256 of the four files of the original MNIST. */
const FILES: Record<string, string> = {
  'train-images-idx3-ubyte.gz': '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
  'train-labels-idx1-ubyte.gz': '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
  't10k-images-idx3-ubyte.gz': '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
  't10k-labels-idx1-ubyte.gz': 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'
}
const MIRRORS = ['https://storage.googleapis.com/cvdf-datasets/mnist', 'https://ossci-datasets.s3.amazonaws.com/mnist']

export type DownloadProgress = (file: string, done: number, total: number) => void

/**
 * The folder with MNIST in the cache. Missing files are downloaded from the first mirror that responds, and checked
 * by SHA-256. @throws LrpError IO if no mirror can be reached; it says which files to put where
 */
export async function mnistFolder(
  options: { mirrors?: string[]; onProgress?: DownloadProgress } = {}
): Promise<string> {
  const folder = join(cacheRoot(), 'mnist')
  if (hasIdxPair(folder, 'train') && hasIdxPair(folder, 't10k')) return folder
  await makeFolder(folder)
  for (const [name, sha256] of Object.entries(FILES)) {
    const path = join(folder, name)
    if (existsSync(path) && hashOf(await readFile(path)) === sha256) continue
    await writeAtomic(path, await fetchChecked(name, sha256, options))
  }
  return folder
}

async function fetchChecked(
  name: string,
  sha256: string,
  options: { mirrors?: string[]; onProgress?: DownloadProgress }
): Promise<Uint8Array> {
  for (const mirror of options.mirrors ?? mirrorsOf()) {
    const bytes = await fetchFile(`${mirror}/${name}`, (done, total) => options.onProgress?.(name, done, total))
    if (bytes && hashOf(bytes) === sha256) return bytes
  }
  const files = Object.keys(FILES).join(', ')
  throw new LrpError(
    'IO',
    `MNIST cannot be downloaded from any mirror: put ${files} into a folder and pass it as --data-path`
  )
}

function mirrorsOf(): string[] {
  const own = process.env.LRP_NATIVE_MNIST_MIRROR
  return own ? [own] : MIRRORS
}

async function fetchFile(
  address: string,
  onProgress: (done: number, total: number) => void
): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(address)
    if (!response.ok || !response.body) return undefined
    const total = Number(response.headers.get('content-length') ?? 0)
    const chunks: Uint8Array[] = []
    let done = 0
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      onProgress((done += chunk.length), total)
    }
    return Buffer.concat(chunks)
  } catch {
    return undefined // the next mirror is tried
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
