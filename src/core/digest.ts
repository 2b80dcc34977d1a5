import { createHash, type Hash } from 'node:crypto'

/** SHA-256 of any value: arrays of numbers by their bytes; functions do not count. */
export function digest(value: unknown): string {
  const hash = createHash('sha256')
  add(hash, value)
  return hash.digest('hex')
}

function add(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  else if (value instanceof Map) add(hash, [...value])
  else if (typeof value === 'object' && value !== null)
    for (const [key, part] of Object.entries(value)) {
      hash.update(`${key}:`)
      add(hash, part)
    }
  else if (typeof value !== 'function') hash.update(`${typeof value} ${String(value)};`)
}
