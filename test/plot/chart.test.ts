import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { barChart, confusionChart, lineChart, scatterChart, writeChart, type Chart } from '../../src/plot/chart.js'
import { fitText, textPath, textToPaths, textWidth, wrapText } from '../../src/plot/text.js'

/** Width of the SVG; checks that both forms agree and that no text needs a font. */
async function widthOf({ svg, png }: Chart): Promise<number> {
  const [vector, bitmap] = [await sharp(Buffer.from(svg)).metadata(), await sharp(png).metadata()]
  expect(svg).not.toContain('<text')
  expect(bitmap.format).toBe('png')
  expect(bitmap.width).toBe(2 * vector.width!)
  return vector.width!
}

describe('text', () => {
  test('has a width and an outline without any font installed', () => {
    expect(textWidth('mm', 12)).toBeGreaterThan(textWidth('ii', 12))
    expect(textPath('a', 0, 0, 12)).toMatch(/^M.*Z$/)
  })

  test('is shortened and broken to a width', () => {
    expect(fitText('short', 12, 100)).toBe('short')
    expect(fitText('a very long text', 12, 50)).toMatch(/^a ve.*…$/)
    const lines = wrapText('one two three four five six', 12, 60)
    expect(lines.length).toBeGreaterThan(2)
    expect(lines.join(' ')).toBe('one two three four five six')
    for (const line of lines) expect(textWidth(line, 12)).toBeLessThanOrEqual(60)
  })

  test('elements become paths at their place, entities included', () => {
    const svg = textToPaths('<svg><text x="5" y="6" style="font-size:20px;" fill="#123">a &amp; b</text></svg>')
    expect(svg).toBe(`<svg><path d="${textPath('a & b', 5, 6, 20)}" fill="#123"/></svg>`)
  })
})

describe('charts', () => {
  const line = {
    name: 'a',
    points: [
      [0, 1],
      [1, 2],
      [2, NaN],
      [3, 4]
    ] as [number, number][]
  }

  test('of lines: with bands, with gaps, of a single point', async () => {
    const band = line.points.map(([, y]) => [y - 1, y + 1] as [number, number])
    await widthOf(
      await lineChart('title', 'x', 'y', [
        { ...line, band },
        { ...line, name: 'b', dashed: true }
      ])
    )
    await widthOf(await lineChart('title', 'x', 'y', [{ name: 'a', points: [[1, 1]] }]))
  })

  test('of lines: a note stands below the title', async () => {
    const [plain, noted] = [
      await lineChart('title', 'x', 'y', [line]),
      await lineChart('title', 'x', 'y', [line], { note: 'how to read it' })
    ]
    await widthOf(noted)
    const places = ({ svg }: Chart): number => svg.split('<path').length
    expect(places(noted)).toBe(places(plain) + 1)
    expect((await sharp(noted.png).metadata()).height).toBeGreaterThan((await sharp(plain.png).metadata()).height)
  })

  /** Where the points of a scatter chart are, from left to right. */
  const places = ({ svg }: Chart): number[] =>
    [...svg.matchAll(/transform="matrix\(4,0,0,4,([\d.]+),/g)].map(([, x]) => Number(x)).sort((a, b) => a - b)

  test('of fourteen lines: each has a colour of its own, the same in every chart', async () => {
    const line = (i: number) => ({ name: `line ${i}`, points: [[0, i], [1, i]] as [number, number][] }) // prettier-ignore
    const colours = async (count: number): Promise<string[]> => {
      const { svg } = await lineChart(
        'many',
        'x',
        'y',
        Array.from({ length: count }, (_, i) => line(i))
      )
      return [
        ...new Set([...svg.matchAll(/<path[^>]*stroke="(#[0-9a-f]{6})"[^>]*stroke-width="2"/g)].map(([, one]) => one!))
      ]
    }
    const all = await colours(14)
    expect(all).toHaveLength(14)
    expect(await colours(9)).toEqual(all.slice(0, 9))
  })

  test('of points over a logarithmic axis: as far from each other as their logarithms', async () => {
    const points = [1e-4, 1e-3, 1e-1].map((x): [number, number] => [x, 1])
    const [a, b, c] = places(await scatterChart('t', 'x', 'y', [{ name: 'a', points }], {}, { log: true }))
    expect((c! - b!) / (b! - a!)).toBeCloseTo(2, 1)
  })

  test('of points over names: side by side, however long the names', async () => {
    const points = [0, 1, 2, 2].map((x): [number, number] => [x, 1])
    const group = [{ name: 'a', points }]
    const [short, long] = await Promise.all(
      [
        ['a', 'b', 'c'],
        ['a', 'b', 'c'.repeat(80)]
      ].map((names) => scatterChart('t', 'x', 'y', group, {}, { names }))
    )
    const [a, b, c, d] = places(short!)
    expect([c! - b!, d! - c!]).toEqual([b! - a!, 0])
    expect((await sharp(long!.png).metadata()).height).toBeGreaterThanOrEqual(
      (await sharp(short!.png).metadata()).height
    )
  })

  test('of lines in the background: of one colour, beneath the others, once in the legend', async () => {
    const behind = { name: 'others', points: line.points, background: '#c4c4c4' }
    const { svg } = await lineChart('t', 'x', 'y', [{ name: 'a', points: line.points }, behind, behind])
    const coloursOf = (what: RegExp): string[] => [...svg.matchAll(what)].map(([, colour]) => colour!)
    expect(coloursOf(/stroke="(#\w+)" stroke-width="2" stroke-linejoin="bevel"/g)).toEqual([
      '#c4c4c4',
      '#c4c4c4',
      '#0072b2'
    ])
    expect(coloursOf(/fill="#fff" stroke="(#\w+)" stroke-width="2"/g)).toEqual(['#0072b2', '#c4c4c4'])
  })

  test('a legend of many names takes more room', async () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ ...line, name: `a method with a name ${i}` }))
    const [few, all] = await Promise.all([many.slice(0, 2), many].map((lines) => lineChart('', 'x', 'y', lines)))
    const height = async (chart: Chart): Promise<number> => (await sharp(Buffer.from(chart.svg)).metadata()).height!
    expect(await height(all!)).toBeGreaterThan((await height(few!)) + 100)
  })

  test('of bars: wider for many names, with intervals', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `name ${i}`)
    const wide = await widthOf(
      await barChart(
        'title',
        'y',
        names,
        names.map((_, i) => i)
      )
    )
    expect(wide).toBeGreaterThan(await widthOf(await barChart('title', 'y', ['a'], [1], {}, [[0.5, 1.5]])))
  })

  test('of points', async () => {
    await widthOf(await scatterChart('title', 'x', 'y', [line, { ...line, name: 'b' }], { min: 0, max: 4 }))
  })

  test('of confusions: two classes, hostile names, a hundred classes', async () => {
    await widthOf(
      await confusionChart(
        [
          [1, 0],
          [0, 0]
        ],
        ['<script>alert(1)</script>', '&"\'']
      )
    )
    const hundred = Array.from({ length: 100 }, (_, i) => String(i))
    await widthOf(
      await confusionChart(
        hundred.map((_, i) => hundred.map((_, j) => Number(i === j))),
        hundred
      )
    )
  })

  test('of confusions have a number in every cell, 0 too', async () => {
    const marks = async (...matrix: number[][]): Promise<number> =>
      (await confusionChart(matrix, ['a', 'b'])).svg.match(/<path/g)!.length
    expect(await marks([5, 0], [0, 5])).toBe(await marks([5, 5], [5, 5]))
  })

  test('are written as SVG and PNG', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lrp-charts-'))
    await writeChart(join(folder, 'deep', 'loss'), await lineChart('', 'x', 'y', [line]))
    for (const end of ['svg', 'png']) expect(existsSync(join(folder, 'deep', `loss.${end}`))).toBe(true)
    rmSync(folder, { recursive: true })
  })
})
