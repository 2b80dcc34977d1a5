import { ResultFolder } from '../plot/result-folder.js'
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
  const out = new ResultFolder(folder)
  await out.json('audit.json', result)
  if (exportLists) {
    await out.csv('flagged.csv', flaggedList(result))
    for (const { audited, patches } of sources.findings)
      for (const { id, png } of patches)
        await out.write(`patch-${audited.class.replace(/[^\w.-]+/g, '_')}-${id}.png`, Buffer.from(png, 'base64'))
  }
  if (format.includes('html')) await out.write('audit.html', await auditPage(result, sources))
  return format.includes('virelay') ? [...out.files, ...(await writeVirelay(result, sources, folder))] : out.files
}

/** A row for each image of a flagged cluster. */
function flaggedList({ classes }: AuditResult): (string | number)[][] {
  const rows = classes.flatMap(({ class: name, clusters }) =>
    clusters.filter(({ flagged }) => flagged).flatMap(({ id, images }) => images.map((path) => [path, name, id]))
  )
  return [['path', 'class', 'cluster'], ...rows]
}
