import { join } from 'node:path'
import { writeAtomic } from '../core/files.js'
import type { AuditOptions } from './options.js'
import { auditPage } from './page/page.js'
import type { AuditResult } from './result.js'
import type { AuditSources } from './sources.js'
import { writeVirelay } from './virelay.js'

/** Writes `audit.json` and what else is asked for; returns the files. @throws LrpError IO */
export async function writeAudit(
  result: AuditResult,
  sources: AuditSources,
  folder: string,
  { format = ['html'], exportLists }: AuditOptions
): Promise<string[]> {
  const files: string[] = []
  const write = async (name: string, data: string | Uint8Array): Promise<void> => {
    await writeAtomic(join(folder, name), data)
    files.push(join(folder, name))
  }
  await write('audit.json', JSON.stringify(result, null, 2) + '\n')
  if (exportLists) {
    await write('flagged.csv', flaggedList(result))
    for (const { audited, patches } of sources.findings)
      for (const { id, png } of patches)
        await write(`patch-${audited.class.replace(/[^\w.-]+/g, '_')}-${id}.png`, Buffer.from(png, 'base64'))
  }
  if (format.includes('html')) await write('audit.html', await auditPage(result, sources))
  if (format.includes('virelay')) files.push(...(await writeVirelay(result, sources, folder)))
  return files
}

/** One line for each image of a flagged cluster. */
export function flaggedList({ classes }: AuditResult): string {
  const rows = classes.flatMap(({ class: name, clusters }) =>
    clusters.filter(({ flagged }) => flagged).flatMap(({ id, images }) => images.map((path) => [path, name, id]))
  )
  const cell = (value: string | number): string =>
    /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value)
  return [['path', 'class', 'cluster'], ...rows].map((row) => row.map(cell).join(',') + '\n').join('')
}
