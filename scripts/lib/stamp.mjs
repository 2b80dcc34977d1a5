import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A hash over the contents of files and folders and any other values a build depends on. */
export function stampOf(paths, values = []) {
  const hash = createHash('sha256').update(JSON.stringify(values))
  for (const path of paths) addTo(hash, path)
  return hash.digest('hex')
}

function addTo(hash, path) {
  if (!existsSync(path)) return
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path).sort()) addTo(hash, join(path, name))
  } else {
    hash.update(path).update(readFileSync(path))
  }
}

export function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

export function writeStamp(path, stamp) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, stamp)
}
