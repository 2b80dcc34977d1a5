import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import opentype from 'opentype.js'
import { packageRoot } from '../core/paths.js'

let font: opentype.Font | undefined

/** Loads DejaVu Sans from npm: text is drawn as paths, so pictures are legible on a machine without fonts. */
function dejavu(): opentype.Font {
  if (!font) {
    const require = createRequire(join(packageRoot, 'package.json'))
    const path = require.resolve('@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff')
    const bytes = readFileSync(path)
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
    font = opentype.parse(file, { lowMemory: true }) // glyphs are read when a text needs them
  }
  return font
}

export type Anchor = 'start' | 'middle' | 'end'

/** Width of a text in pixels. */
export function textWidth(text: string, size: number): number {
  return dejavu().getAdvanceWidth(text, size)
}

/** A text as the data of an SVG path, its baseline at y. */
export function textPath(text: string, x: number, y: number, size: number, anchor: Anchor = 'start'): string {
  const width = anchor === 'start' ? 0 : textWidth(text, size)
  const left = anchor === 'middle' ? x - width / 2 : anchor === 'end' ? x - width : x
  return dejavu().getPath(text, left, y, size).toPathData(2)
}

/** A text shortened to a width, with an ellipsis. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text
  let kept = text
  while (kept.length > 1 && textWidth(kept + '…', size) > width) kept = kept.slice(0, -1)
  return kept + '…'
}

/** A text in lines no wider than `width`, broken at spaces; a word that is too long is shortened. */
export function wrapText(text: string, size: number, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word
    if (lines.length > 0 && textWidth(longer, size) <= width) lines[lines.length - 1] = longer
    else lines.push(fitText(word, size, width))
  }
  return lines
}

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }

/** Replaces the `<text>` elements that ECharts writes by paths. */
export function textToPaths(svg: string): string {
  return svg.replace(/<text ([^>]*)>([^<]*)<\/text>/g, (_, attributes: string, content: string) => {
    const get = (name: string): string | undefined => new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1]
    const size = Number(/font-size:([\d.]+)px/.exec(attributes)?.[1] ?? 12)
    const text = content.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]!)
    const baseline = get('dominant-baseline') === 'central' ? size * 0.36 : 0
    const path = textPath(
      text,
      Number(get('x') ?? 0),
      Number(get('y') ?? 0) + baseline,
      size,
      (get('text-anchor') ?? 'start') as Anchor
    )
    const transform = get('transform')
    return `<path d="${path}"${transform ? ` transform="${transform}"` : ''} fill="${get('fill') ?? '#333'}"/>`
  })
}
