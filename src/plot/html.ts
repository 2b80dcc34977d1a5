/** Escapes text for HTML. */
function escapeHtml(text: unknown): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return String(text).replace(/[&<>"']/g, (char) => entities[char]!)
}

/** Marks markup that is already safe. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text
  }
}

/** A template whose values are escaped unless they are Html; lists are joined. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  const render = (value: unknown): string => {
    if (value instanceof Html) return value.text
    if (Array.isArray(value)) return value.map(render).join('')
    return value === undefined || value === false ? '' : escapeHtml(value)
  }
  return new Html(strings.reduce((text, part, i) => text + part + (i < values.length ? render(values[i]) : ''), ''))
}

/** A cell's content, and whether it is the best of its kind. */
export interface Best {
  content: unknown
  best: boolean
}

/**
 * A table that scrolls horizontally if it is wide; the first cell of a row is its heading. Cells are text, numbers,
 * markup, or `Best`; `texts` names columns that are aligned to the left.
 */
export function table(label: string, columns: string[], rows: (unknown | Best)[][], texts: string[] = []): Html {
  const align = (i: number): string => (texts.includes(columns[i]!) ? 'text' : '')
  const cell = (value: unknown, i: number): Html =>
    isBest(value)
      ? html`<td class="${value.best ? 'best' : ''}">${value.content}</td>`
      : html`<td class="${align(i + 1)}">${value}</td>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${columns.map((column, i) => html`<th scope="col" class="${align(i)}">${breakable(column)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first, ...rest]) =>
            html`<tr>
              <th scope="row">${first}</th>
              ${rest.map(cell)}
            </tr> `
        )}
      </tbody>
    </table>
  </div>`
}

/** Names such as `conservation_error` may be broken behind an underscore. */
function breakable(name: string): Html[] {
  return name.split(/(?<=_)/).map((part, i) => (i === 0 ? html`${part}` : html`<wbr />${part}`))
}

function isBest(value: unknown): value is Best {
  return typeof value === 'object' && value !== null && 'best' in value
}

/** A picture as a data URL, which needs no file. */
export function embedded(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`
}

const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1b1b1b; --quiet: #555; --line: #d5d5d5; --shade: #f4f6f8; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --text: #eceff1; --quiet: #b3bac1; --line: #3a4047; --shade: #1f2327; --accent: #7cb8f5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 24px 20px 64px; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 2.4rem; font-size: 1.25rem; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
p.note, figcaption, caption { color: var(--quiet); font-size: .9rem; text-align: left; }
a { color: var(--accent); }
.scroll { overflow-x: auto; margin-bottom: 16px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } caption { padding-bottom: 6px; }
th, td { border-bottom: 1px solid var(--line); padding: 4px 8px; text-align: right; } th:first-child, td:first-child, .text { text-align: left; }
thead th { background: var(--shade); } td.best { font-weight: 700; } .interval { color: var(--quiet); font-weight: 400; white-space: nowrap; font-size: .88rem; } dt { font-family: ui-monospace, monospace; } dd { margin: 0 0 6px 16px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); gap: 16px; }
figure { margin: 0; } figure.wide { grid-column: 1 / -1; } img { max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 4px; }
code, pre { font-family: ui-monospace, monospace; font-size: .88rem; background: var(--shade); border-radius: 4px; padding: 1px 4px; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { padding: 10px 12px; } select, button { font: inherit; padding: 4px 8px; margin-right: 12px; } .pager { display: flex; align-items: center; }
.facts { display: flex; flex-wrap: wrap; gap: 12px; padding: 0; list-style: none; } .facts li { background: var(--shade); border-radius: 6px; padding: 8px 14px; } .facts b { display: block; font-size: 1.3rem; }
@media print { :root { --ground: #fff; --text: #000; --quiet: #444; --shade: #eee; } nav, .chooser { display: none; } figure { break-inside: avoid; } }
`

/** A complete page without external resources. */
export function page(title: string, body: Html, script = ''): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <main>${body}</main>
        ${script === '' ? false : new Html(`<script>${script}</script>`)}
      </body>
    </html> `.text
}
