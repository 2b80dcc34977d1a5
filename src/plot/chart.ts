import { dirname } from 'node:path'
import type * as echarts from 'echarts'
import { sharp } from '../core/sharp.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { fitText, textToPaths, textWidth } from './text.js'

/** Loaded with the first chart: it takes a quarter of a second, and half of the memory of the whole package. */
async function loadEcharts(): Promise<typeof import('echarts')> {
  const loaded = await import('echarts')
  // text is laid out by the font that it will be drawn in
  loaded.setPlatformAPI({
    measureText: (text, font) =>
      ({ width: textWidth(text, Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12)) }) as TextMetrics
  })
  return loaded
}

/** A chart as SVG, and as PNG with twice the width and height. */
export interface Chart {
  /** The chart as SVG text. */
  svg: string
  /** The chart as the bytes of a PNG file. */
  png: Buffer
}

/** The colours of Okabe and Ito, which colour-blind readers can distinguish; then darker ones of Paul Tol. */
const COLOURS = [
  ...['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#666666'],
  ...['#332288', '#882255', '#117733', '#999933', '#44aa99', '#aa4499', '#8c510a']
]
/** Lines of the second seven colours also differ in their dashes. */
const DASHES = ['solid', 'dotted', [8, 3, 2, 3]] as const
const DISTINCT = 7

const FONT = 12
const WIDTH = 720
const LONGEST_NAME = 150

/** Renders an ECharts option on a white background, with text as paths; the PNG has twice the size. */
async function renderChart(option: echarts.EChartsOption, width = WIDTH, height = 440): Promise<Chart> {
  const size = { width: Math.ceil(width), height: Math.ceil(height) }
  const { init } = await loadEcharts()
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size })
  try {
    chart.setOption({ animation: false, backgroundColor: '#fff', color: COLOURS, ...option })
    const svg = textToPaths(chart.renderToSVGString())
    return { svg, png: await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer() }
  } finally {
    chart.dispose() // without it the process would not end
  }
}

/** Writes `<path>.svg` and `<path>.png`. @throws LrpError IO */
export async function writeChart(path: string, chart: Chart): Promise<void> {
  await makeFolder(dirname(path))
  await writeAtomic(`${path}.svg`, chart.svg)
  await writeAtomic(`${path}.png`, chart.png)
}

/** A line of `lineChart`. */
export interface Line {
  /** Name in the legend. */
  name: string
  /** Points [x, y], from left to right. */
  points: [number, number][]
  /** Half-transparent band: lower and upper value for each point. */
  band?: [number, number][]
  /** Whether the line is dashed (false). */
  dashed?: boolean
  /** Colour of a line that is drawn behind the others. Lines with the same name share one entry of the legend. */
  background?: string
}

/** A special axis: logarithmic, or with names; then the x of a point is the index of a name. */
export interface ScatterAxis {
  log?: boolean
  names?: string[]
}

export interface Range {
  min?: number
  max?: number
}

/**
 * Draws lines over a numeric axis, with optional bands. Points that are not finite leave a gap.
 * @param note line below the title that explains how to read the chart
 */
export function lineChart(
  title: string,
  xName: string,
  yName: string,
  lines: Line[],
  { note, ...range }: Range & { note?: string } = {}
): Promise<Chart> {
  const noteHeight = note === undefined ? 0 : 24
  const bands = lines.flatMap((line, i) => (line.band ? bandSeries(line, line.background ?? colourOf(i)) : []))
  const legend = legendOf([...new Set(lines.map((line) => line.name))])
  return renderChart(
    {
      title: titleOf(title, note),
      legend: legend.option,
      grid: { left: 78, right: 28, top: 52 + noteHeight, bottom: 60 + legend.height },
      xAxis: { ...numberAxis(xName, 30), ...spanOf(lines), minInterval: stepOf(lines) },
      yAxis: { ...numberAxis(yName, 54), scale: true, ...range },
      series: [...bands, ...lines.map(lineSeries)]
    },
    WIDTH,
    416 + noteHeight + legend.height
  )
}

/** Draws groups of points; each point shows two measures of one item. */
export function scatterChart(
  title: string,
  xName: string,
  yName: string,
  groups: Line[],
  range?: Range,
  { log = false, names }: ScatterAxis = {}
): Promise<Chart> {
  const legend = legendOf(groups.map((group) => group.name))
  const axis = names ? nameAxis(names, WIDTH - 106) : { option: log ? LOG_AXIS : { scale: true, ...range }, height: 20 }
  const below = axis.height + legend.height
  return renderChart(
    {
      title: titleOf(title),
      legend: legend.option,
      grid: { left: 78, right: 28, top: 52, bottom: 40 + below },
      xAxis: { ...numberAxis(xName, axis.height + 10), ...axis.option },
      yAxis: { ...numberAxis(yName, 54), scale: true, ...range },
      series: groups.map((group, i) => ({
        name: group.name,
        type: 'scatter',
        data: group.points,
        symbol: ['circle', 'triangle', 'rect', 'diamond'][i % 4],
        symbolSize: 8,
        itemStyle: { color: colourOf(i), opacity: 0.7 }
      }))
    },
    WIDTH,
    396 + below
  )
}

/** Draws one bar for each name, optionally with an interval (lower and upper value). */
export function barChart(
  title: string,
  yName: string,
  names: string[],
  values: number[],
  range?: Range,
  intervals?: [number, number][]
): Promise<Chart> {
  const width = Math.min(2400, Math.max(WIDTH, 110 + names.length * 26))
  const axis = nameAxis(names, width - 106)
  return renderChart(
    {
      title: titleOf(title),
      grid: { left: 78, right: 28, top: 52, bottom: 22 + axis.height },
      xAxis: axis.option,
      yAxis: { ...numberAxis(yName, 54), ...range },
      series: [
        { type: 'bar', data: values, itemStyle: { color: COLOURS[0] }, barMaxWidth: 48 },
        ...(intervals ? [whiskers(intervals)] : [])
      ]
    },
    width,
    390 + axis.height
  )
}

/**
 * Draws a confusion matrix: rows are true classes, columns are predicted classes. Cells contain the counts, and are
 * shaded by their share of the row.
 */
export function confusionChart(matrix: number[][], classes: string[]): Promise<Chart> {
  const sums = matrix.map((row) => row.reduce((sum, count) => sum + count, 0))
  const many = classes.length > 40
  const cell = many ? Math.max(2, Math.min(14, Math.floor(2400 / classes.length))) : 46
  const side = Math.max(360, classes.length * cell)
  const axis = nameAxis(classes, side)
  const names = longest(classes)
  const data = matrix.flatMap((row, i) =>
    row.flatMap((count, j) => {
      if (many && count === 0) return []
      const share = count / Math.max(1, sums[i]!)
      const label = { show: !many, color: share > 0.5 ? '#fff' : '#222', formatter: String(count) }
      return [{ value: [j, i, share], label }]
    })
  )
  const left = 54 + names
  const bottom = 48 + axis.height
  return renderChart(
    {
      title: titleOf('Confusion matrix'),
      grid: { left, right: 24, top: 48, bottom },
      xAxis: { ...axis.option, ...named('predicted', axis.height + 16), splitArea: { show: false } },
      yAxis: { ...nameAxis(classes, side, false).option, ...named('true', names + 24), inverse: true },
      visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { color: ['#ffffff', '#9ecae1', '#08519c'] } },
      series: [{ type: 'heatmap', data, itemStyle: { borderColor: '#e8e8e8', borderWidth: many ? 0 : 1 } }]
    },
    left + side + 24,
    48 + side + bottom
  )
}

/** ECharts computes powers with logarithms, and would write 0.00009999999999999999. */
const LOG_AXIS = {
  type: 'log',
  axisLabel: { formatter: (tick: number) => String(Number(tick.toPrecision(6))) }
} as const

const colourOf = (i: number): string => COLOURS[i % COLOURS.length]!

function titleOf(text: string, note?: string): echarts.TitleComponentOption {
  return {
    text: fitText(text, 16, WIDTH - 40),
    left: 'center',
    top: 8,
    textStyle: { fontSize: 16, fontWeight: 'normal' },
    ...(note !== undefined && { subtext: fitText(note, FONT, WIDTH - 40), itemGap: 10 }),
    subtextStyle: { fontSize: FONT, color: '#444' }
  }
}

/** The axis ends where the points do; a single point stands in its middle. */
function spanOf(lines: Line[]): { min: number | 'dataMin'; max: number | 'dataMax' } {
  const places = new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))
  const [only] = places
  return places.size === 1 ? { min: only! - 1, max: only! + 1 } : { min: 'dataMin', max: 'dataMax' }
}

/** Ticks are whole numbers if all x values are, such as epochs. */
function stepOf(lines: Line[]): number {
  return lines.every(({ points }) => points.every(([x]) => Number.isInteger(x))) ? 1 : 0
}

function named(name: string, nameGap: number): { name: string; nameLocation: 'middle'; nameGap: number } {
  return { name, nameLocation: 'middle', nameGap }
}

function numberAxis(
  name: string,
  gap: number
): { type: 'value'; name: string; nameLocation: 'middle'; nameGap: number } {
  return { type: 'value', ...named(name, gap) }
}

/**
 * Class names along an axis: horizontal if they fit next to each other, otherwise vertical; if there are many, some are
 * left out.
 */
function nameAxis(
  names: string[],
  width: number,
  across = true
): { option: { type: 'category' } & Record<string, unknown>; height: number } {
  const room = width / Math.max(1, names.length)
  const level = longest(names) + 6 <= room
  const interval = room < 14 ? Math.ceil(14 / room) - 1 : 0
  const shown = names.map((name) => fitText(name, FONT, LONGEST_NAME))
  const axisLabel = { interval, rotate: level || !across ? 0 : 90, fontSize: FONT }
  return {
    option: { type: 'category', data: shown, axisLabel, axisTick: { show: false } },
    height: level ? 20 : longest(names) + 10
  }
}

function longest(names: string[]): number {
  return names.reduce((most, name) => Math.max(most, Math.min(LONGEST_NAME, textWidth(name, FONT))), 0)
}

/** A legend below the chart, in as many rows as it needs; none for a single line. */
function legendOf(names: string[]): { option: echarts.LegendComponentOption; height: number } {
  const rows = names.reduce(
    (rows, name) => {
      const width = textWidth(name, FONT) + 46
      const last = rows.at(-1)!
      return last + width <= WIDTH - 40 || last === 0 ? [...rows.slice(0, -1), last + width] : [...rows, width]
    },
    [0]
  )
  if (names.length < 2) return { option: { show: false }, height: 0 }
  return {
    option: { bottom: 6, left: 'center', width: WIDTH - 40, data: names, itemGap: 16 },
    height: 4 + rows.length * 24
  }
}

function lineSeries(line: Line, i: number): echarts.SeriesOption {
  const dash = line.background ? 'solid' : DASHES[Math.floor(i / DISTINCT) % DASHES.length]!
  return {
    name: line.name,
    type: 'line',
    data: line.points,
    symbolSize: line.points.length > 40 ? 0 : 6,
    z: line.background ? 1 : 2,
    itemStyle: { color: line.background ?? colourOf(i) },
    lineStyle: { width: 2, type: line.dashed ? 'dashed' : typeof dash === 'string' ? dash : [...dash] }
  }
}

function bandSeries(line: Line, colour: string): echarts.SeriesOption[] {
  const base = {
    type: 'line' as const,
    stack: `band ${line.name}`,
    stackStrategy: 'all' as const,
    symbolSize: 0,
    lineStyle: { opacity: 0 },
    silent: true
  }
  const lower = line.points.map(([x], i) => [x, line.band![i]![0]])
  const height = line.points.map(([x], i) => [x, line.band![i]![1] - line.band![i]![0]])
  return [
    { ...base, name: `${line.name} lower`, data: lower },
    { ...base, name: `${line.name} band`, data: height, areaStyle: { color: colour, opacity: 0.18 } }
  ]
}

/** A line with two short bars across its ends, over each bar. */
function whiskers(intervals: [number, number][]): echarts.SeriesOption {
  return {
    type: 'custom',
    data: intervals.map(([low, high], i) => [i, low, high]),
    z: 10,
    renderItem: (_, api) => {
      const [[x, top], [, bottom]] = [2, 1].map((axis) => api.coord([api.value(0), api.value(axis)])) as [
        number[],
        number[]
      ]
      const line = (x1: number, y1: number, x2: number, y2: number): object => ({
        type: 'line',
        shape: { x1, y1, x2, y2 },
        style: { stroke: '#222', lineWidth: 1.5 }
      })
      const children = [
        line(x!, top!, x!, bottom!),
        line(x! - 5, top!, x! + 5, top!),
        line(x! - 5, bottom!, x! + 5, bottom!)
      ]
      return { type: 'group', children } as echarts.CustomSeriesRenderItemReturn
    }
  }
}
