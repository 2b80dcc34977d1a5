import { createWriteStream } from 'node:fs'
import { mkdir, open, symlink } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import { SetupError } from './run.mjs'

/** Unpacks the entries of a zip file for which `wanted(name)` returns a target path below `folder` (or undefined). */
export async function unzip(path, folder, wanted) {
  const file = await open(path)
  try {
    file.setMaxListeners(0) // one stream after the other, each of which listens
    for (const entry of await readDirectory(file, path)) {
      const name = wanted(entry.name)
      if (!name || entry.name.endsWith('/')) continue
      const target = resolve(folder, name)
      if (!target.startsWith(resolve(folder) + sep))
        throw new SetupError(`${path} contains the unsafe path ${entry.name}`)
      await mkdir(dirname(target), { recursive: true })
      await writeEntry(file, entry, target)
    }
  } finally {
    await file.close()
  }
}

async function readDirectory(file, path) {
  const { size } = await file.stat()
  const tail = Buffer.alloc(Math.min(size, 65_557))
  await file.read(tail, 0, tail.length, size - tail.length)
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06'))
  if (end < 0) throw new SetupError(`${path} is not a zip file or is truncated: delete it and run again`)
  const directory = Buffer.alloc(tail.readUInt32LE(end + 12))
  await file.read(directory, 0, directory.length, tail.readUInt32LE(end + 16))
  const entries = []
  for (let at = 0; at + 46 <= directory.length;) {
    const nameLength = directory.readUInt16LE(at + 28)
    entries.push({
      method: directory.readUInt16LE(at + 10),
      packed: directory.readUInt32LE(at + 20),
      mode: directory.readUInt32LE(at + 38) >>> 16,
      offset: directory.readUInt32LE(at + 42),
      name: directory.toString('utf8', at + 46, at + 46 + nameLength)
    })
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}

async function writeEntry(file, entry, target) {
  const header = Buffer.alloc(30)
  await file.read(header, 0, 30, entry.offset)
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  const packed =
    entry.packed === 0
      ? Readable.from([])
      : file.createReadStream({ start, end: start + entry.packed - 1, autoClose: false })
  const stages = entry.method === 0 ? [packed] : [packed, createInflateRaw()]
  if ((entry.mode & 0o170000) === 0o120000) {
    const chunks = []
    await pipeline(...stages, async (source) => {
      for await (const chunk of source) chunks.push(chunk)
    })
    return symlink(Buffer.concat(chunks).toString(), target)
  }
  const mode = entry.mode & 0o777 ? entry.mode & 0o777 : 0o644
  await pipeline(...stages, createWriteStream(target, { mode }))
}
