import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Links of a built site that lead to no page or to no heading: `page: link`. */
export function deadLinks(folder) {
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'))
  const read = new Map(pages.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]))
  const ids = new Map(
    [...read].map(([path, html]) => [path, new Set([...html.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]))])
  )
  const dead = []
  for (const [path, html] of read) {
    for (const [, link] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^\w+:/.test(link)) continue
      const [target, anchor] = decodeURI(link.replaceAll('&amp;', '&')).split('#')
      const file = fileOf(folder, path, target)
      if (!existsSync(file) || (anchor && ids.has(file) && !ids.get(file).has(decodeURIComponent(anchor)))) {
        dead.push(`${relative(folder, path)}: ${link}`)
      }
    }
  }
  return [...new Set(dead)]
}

function fileOf(folder, page, target) {
  if (target === '') return page
  const path = target.startsWith('/') ? join(folder, target) : join(dirname(page), target)
  if (path.endsWith('/')) return join(path, 'index.html')
  return /\.\w+$/.test(path) ? path : `${path}.html`
}
