import { readFile } from 'node:fs/promises'
import type { Model } from '../model/model.js'
import { html, type Html } from '../plot/html.js'

/** What other commands have written about a model, and what its page is called. */
const KINDS = { audit: 'Audit', concepts: 'Concepts' } as const
type Kind = keyof typeof KINDS

/** Written pages hold their script and pictures, and ask for nothing. */
export const WRITTEN_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The kinds of pages that lie in the model's folder and are about this model. */
export async function writtenKinds(model: Model): Promise<Kind[]> {
  const kinds = Object.keys(KINDS) as Kind[]
  const found = await Promise.all(kinds.map(async (kind) => [kind, await writtenPage(model, kind)] as const))
  return found.filter(([, text]) => text !== undefined).map(([kind]) => kind)
}

/** Links between the served page and written ones, and back. */
export function navigation(kinds: readonly string[], here: string): Html | false {
  if (kinds.length === 0) return false
  const link = (href: string, name: string): Html =>
    here === href ? html`<a href="${href}" aria-current="page">${name}</a>` : html`<a href="${href}">${name}</a>`
  return html`<nav aria-label="Pages" style="display: flex; gap: 16px">
    ${link('./', 'Explain')} ${kinds.map((kind) => link(`${kind}.html`, KINDS[kind as Kind]))}
  </nav>`
}

/** The page with links to the others; undefined if there is none, or one about another model. */
export async function writtenPage(model: Model, kind: string): Promise<string | undefined> {
  try {
    const result = JSON.parse(await readFile(model.resultFolder(kind, `${kind}.json`), 'utf8')) as { model?: unknown }
    if (result.model !== model.name) return undefined
    return await readFile(model.resultFolder(kind, `${kind}.html`), 'utf8')
  } catch {
    return undefined
  }
}
