import { ResultFolder } from '../plot/result-folder.js'
import type { Patch } from './audit-class.js'
import type { AuditOptions } from './options.js'
import { auditPage } from './page/page.js'
import { patchName } from './patch-png.js'
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
  if (exportLists) await writeLists(out, result, sources.patches)
  if (format.includes('html')) await out.write('audit.html', await auditPage(result, sources))
  return format.includes('virelay') ? [...out.files, ...(await writeVirelay(result, sources, folder))] : out.files
}

async function writeLists(out: ResultFolder, result: AuditResult, patches: Patch[]): Promise<void> {
  await out.csv('flagged.csv', flaggedList(result))
  for (const { class: name, id, png } of patches) await out.write(patchName(name, id), Buffer.from(png, 'base64'))
}

/** A row for each image of a flagged cluster. */
function flaggedList({ classes }: AuditResult): (string | number)[][] {
  const rows = classes.flatMap(({ class: name, clusters }) =>
    clusters.filter(({ flagged }) => flagged).flatMap(({ id, images }) => images.map((path) => [path, name, id]))
  )
  return [['path', 'class', 'cluster'], ...rows]
}
