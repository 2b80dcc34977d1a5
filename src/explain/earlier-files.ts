import { existsSync } from 'node:fs'
import { realpath, unlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { readJson } from '../core/files.js'

const listSchema = z.object({ files: z.array(z.string()) })

/**
 * Removes the files that an earlier `explain.json` of a folder lists, unless they are among the new ones: a folder shows one
 * explanation. Files outside the folder, and files that cannot be removed, stay.
 * @param kept files of the new explanation, relative to the folder
 */
export async function removeEarlier(folder: string, kept: readonly string[]): Promise<void> {
  const path = join(folder, 'explain.json')
  if (!existsSync(path)) return
  const { data } = listSchema.safeParse(await readJson(path).catch(() => undefined))
  const stay = new Set(kept.map((name) => join(folder, name)))
  const own = await realpath(folder)
  for (const name of data?.files ?? []) {
    const file = join(folder, name)
    const below = await realpath(dirname(file)).catch(() => '/')
    if (!stay.has(file) && !relative(own, below).startsWith('..')) await unlink(file).catch(() => undefined)
  }
}
