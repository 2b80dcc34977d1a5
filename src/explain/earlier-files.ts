import { existsSync } from 'node:fs'
import { realpath, unlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import * as z from 'zod'
import type { RecordedSettings } from '../core/command-line.js'
import { readJson } from '../core/files.js'

const earlierSchema = z.object({
  files: z.array(z.string()),
  settings: z.record(z.string(), z.unknown()).default({})
})

/**
 * Removes the files that an earlier `explain.json` of a folder lists, unless they are among the new ones: a folder shows one
 * explanation. Files outside the folder, and files that cannot be removed, stay.
 * @param present files of the new explanation, relative to the folder, and its settings
 * @returns whether the earlier explanation had other settings, its formats aside
 */
export async function removeEarlier(
  folder: string,
  present: { files: readonly string[]; settings: RecordedSettings }
): Promise<boolean> {
  const path = join(folder, 'explain.json')
  if (!existsSync(path)) return false
  const { data } = earlierSchema.safeParse(await readJson(path).catch(() => undefined))
  const stay = new Set(present.files.map((name) => join(folder, name)))
  const own = await realpath(folder)
  for (const name of data?.files ?? []) {
    const file = join(folder, name)
    const below = await realpath(dirname(file)).catch(() => '/')
    if (!stay.has(file) && !relative(own, below).startsWith('..')) await unlink(file).catch(() => undefined)
  }
  return data !== undefined && asText(data.settings) !== asText(present.settings)
}

/** Settings without formats, in an order of their own. */
function asText(settings: Record<string, unknown>): string {
  const entries = Object.entries(settings).filter(([name]) => name !== 'format')
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
