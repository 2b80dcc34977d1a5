import { coloursOf, drawnPicture } from './drawn.js'
import type { HeatmapOptions, Picture } from './picture.js'
import { fitText, textPath, textWidth } from './text.js'

const WIDTH = 420
const SIZE = 14
const LINE = 26
const PAD = 4
const MOST_LINES = 60

/** Draws words in lines, each on a background in the colour of its relevance. */
export function tokensPicture(
  words: string[],
  relevance?: Float32Array,
  options: HeatmapOptions = {}
): Promise<Picture> {
  const colour = relevance && coloursOf(relevance, options)
  let [x, y] = [PAD, PAD]
  const boxes: string[] = []
  for (const [i, word] of words.entries()) {
    const shown = fitText(visible(word), SIZE, WIDTH - 4 * PAD)
    const width = textWidth(shown, SIZE) + 2 * PAD
    if (x + width > WIDTH - PAD && x > PAD) [x, y] = [PAD, y + LINE]
    if (y > MOST_LINES * LINE) {
      boxes.push(`<path d="${textPath(`${words.length - i} more tokens`, x, y + LINE - 10, SIZE)}" fill="#666"/>`)
      break
    }
    const fill = (relevance && colour?.(relevance[i]!)) ?? '#fff'
    const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${LINE - 4}" rx="3" fill="${fill}" stroke="#ddd"/>`
    boxes.push(`${box}<path d="${textPath(shown, x + PAD, y + LINE - 10, SIZE)}" fill="${inkOn(fill)}"/>`)
    x += width + 2
  }
  return drawnPicture(WIDTH, y + LINE + PAD, boxes.join(''))
}

/** Replaces the characters that tokenizers write for a space before a word. */
function visible(word: string): string {
  return word.replace(/^[\u0120\u2581]/, ' ').trim() === '' ? '\u00b7' : word.replace(/^[\u0120\u2581]/, '')
}

/** Colour of text on this background: white on dark colours. */
function inkOn(fill: string): string {
  const [r = 255, g = 255, b = 255] = (fill.match(/\d+/g) ?? []).map(Number)
  return fill.startsWith('rgb') && 0.299 * r + 0.587 * g + 0.114 * b < 120 ? '#fff' : '#222'
}
