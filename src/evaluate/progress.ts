import { join } from 'node:path'
import { makeFolder } from '../core/files.js'
import { LineLog } from '../core/journal.js'
import type { ImageResult } from './results.js'

/** The next images of a method. */
export interface Chunk {
  method: string
  images: ImageResult[]
}

/**
 * What a stopped evaluation has found; nothing where it had another key.
 * @param folder nothing is kept without one
 * @param key stands for everything that results depend on
 * @throws LrpError IO
 */
export async function openProgress(
  folder: string | undefined,
  key: string
): Promise<{ log?: LineLog<Chunk>; done: Chunk[] }> {
  if (folder === undefined) return { done: [] }
  await makeFolder(folder)
  return LineLog.open<Chunk>(join(folder, 'progress.jsonl'), key)
}
