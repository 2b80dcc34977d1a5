import type { LineLog } from '../core/journal.js'
import { RowStore } from '../core/row-store.js'

/** Images that are explained between two entries of the journal. */
const PASS = 256

/** An entry of the journal: the class that the model gives each image of a pass, and the numbers that were kept of each. */
export interface PassEntry {
  predicted: number[]
  width: number
}

/** What was measured of some images: their predicted classes, and a row of numbers for each. */
export interface Pass {
  predicted: ArrayLike<number>
  rows: Float32Array
}

/** A run that may be stopped: its journal, and what a stopped one has done. */
export interface Resumable<Entry> {
  log: LineLog<Entry | PassEntry>
  done: (Entry | PassEntry)[]
  /** The file that the rows are kept in. */
  path: string
}

/** What was measured of all images. */
export interface Measured {
  predicted: Int32Array
  width: number
  /** [images, width], in a file. */
  rows: RowStore
}

/**
 * Measures every image once, pass after pass, so that a data set of any size needs no more memory than one pass. Passes of a
 * stopped run are taken over.
 * @param measure of the images `from` to `to`
 * @throws LrpError IO, and what `measure` throws
 */
export async function measureInPasses<Entry extends object>(
  { log, done, path }: Resumable<Entry>,
  total: number,
  measure: (from: number, to: number) => Promise<Pass>,
  onProgress?: (done: number, total: number) => void
): Promise<Measured> {
  const passes = RowStore.isThere(path) ? done.filter((entry): entry is PassEntry => 'predicted' in entry) : []
  const predicted = new Int32Array(total)
  let [from, width] = [0, 0]
  for (const pass of passes) {
    predicted.set(pass.predicted, from)
    from += pass.predicted.length
    width = pass.width
  }
  const rows = await RowStore.open(path, 4 * from * width)
  try {
    while (from < total) {
      const to = Math.min(total, from + PASS)
      const pass = await measure(from, to)
      width = pass.rows.length / (to - from)
      await rows.write(pass.rows, from, width)
      await log.add({ predicted: Array.from(pass.predicted), width })
      predicted.set(pass.predicted, from)
      from = to
      onProgress?.(to, total)
    }
  } catch (error) {
    await rows.close()
    throw error
  }
  return { predicted, width, rows }
}

/** All rows, some at a time. */
export async function* inChunks({
  rows,
  width,
  predicted
}: Measured): AsyncGenerator<[from: number, data: Float32Array]> {
  for (let from = 0; from < predicted.length; from += PASS)
    yield [from, (await rows.read(from, Math.min(PASS, predicted.length - from), width)).data]
}
