import * as echarts from 'echarts'
import sharp from 'sharp'
import { makeFolder, writeAtomic } from '../files.js'
import { dirname } from 'node:path'
import { textToPaths, textWidth } from './text.js'

// ECharts lays text out by the font that it will be drawn in.
echarts.setPlatformAPI({
  measureText: (text, font) =>
    ({ width: textWidth(text, Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12)) }) as TextMetrics
})

export interface Chart {
  svg: string
  png: Buffer
}

/** Okabe and Ito's colours, told apart by colour-blind readers. */
export const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#666666']

/** Renders an ECharts option on a white ground, text as paths; the PNG has twice the pixels. */
export async function renderChart(option: echarts.EChartsOption, width = 720, height = 440): Promise<Chart> {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
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

export interface Line {
  name: string
  points: [number, number][]
  /** Half-transparent band: lower and upper value per point. */
  band?: [number, number][]
  dashed?: boolean
}

/** Lines over a numeric axis, with optional bands. */
export function lineChart(
  title: string,
  xName: string,
  yName: string,
  lines: Line[],
  range?: { min?: number; max?: number }
): Promise<Chart> {
  const bands = lines.flatMap((line, i) => (line.band ? bandSeries(line, COLOURS[i % COLOURS.length]!) : []))
  return renderChart({
    title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 16, fontWeight: 'normal' } },
    legend: { bottom: 6, data: lines.map((line) => line.name) },
    grid: { left: 72, right: 28, top: 52, bottom: 84 },
    xAxis: { type: 'value', name: xName, nameLocation: 'middle', nameGap: 30, min: 'dataMin', max: 'dataMax' },
    yAxis: { type: 'value', name: yName, nameLocation: 'middle', nameGap: 50, scale: true, ...range },
    series: [
      ...bands,
      ...lines.map((line, i) => ({
        name: line.name,
        type: 'line' as const,
        data: line.points,
        symbolSize: line.points.length > 40 ? 0 : 6,
        itemStyle: { color: COLOURS[i % COLOURS.length] },
        lineStyle: { width: 2, type: line.dashed ? ('dashed' as const) : ('solid' as const) }
      }))
    ]
  })
}

function bandSeries(line: Line, colour: string): echarts.SeriesOption[] {
  const base = {
    type: 'line' as const,
    stack: `band ${line.name}`,
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

/** One bar per name. */
export function barChart(
  title: string,
  yName: string,
  names: string[],
  values: number[],
  range?: { min?: number; max?: number }
): Promise<Chart> {
  return renderChart({
    title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 16, fontWeight: 'normal' } },
    grid: { left: 72, right: 28, top: 52, bottom: 70 },
    xAxis: { type: 'category', data: names, axisLabel: { interval: 0, rotate: names.join('').length > 60 ? 35 : 0 } },
    yAxis: { type: 'value', name: yName, nameLocation: 'middle', nameGap: 50, ...range },
    series: [{ type: 'bar', data: values, itemStyle: { color: COLOURS[0] }, barMaxWidth: 48 }]
  })
}

/** Counts of true (row) and predicted (column) classes, numbers in the cells, shaded by share of the row. */
export function confusionChart(matrix: number[][], classes: string[]): Promise<Chart> {
  const sums = matrix.map((row) => row.reduce((sum, count) => sum + count, 0))
  const cells = matrix.flatMap((row, i) =>
    row.map((count, j) => ({ value: [j, i, count / Math.max(1, sums[i]!)], count }))
  )
  const size = Math.max(460, 130 + classes.length * 46)
  return renderChart(
    {
      title: { text: 'Confusion matrix', left: 'center', top: 8, textStyle: { fontSize: 16, fontWeight: 'normal' } },
      grid: { left: 110, right: 24, top: 48, bottom: 84 },
      xAxis: {
        type: 'category',
        data: classes,
        name: 'predicted',
        nameLocation: 'middle',
        nameGap: 44,
        axisLabel: { interval: 0, rotate: classes.join('').length > 40 ? 35 : 0 }
      },
      yAxis: {
        type: 'category',
        data: classes,
        name: 'true',
        nameLocation: 'middle',
        nameGap: 84,
        inverse: true,
        axisLabel: { interval: 0 }
      },
      visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { color: ['#ffffff', '#9ecae1', '#08519c'] } },
      series: [
        {
          type: 'heatmap',
          data: cells.map(({ value, count }) => ({
            value,
            label: { show: count > 0, color: value[2]! > 0.5 ? '#fff' : '#222', formatter: String(count) }
          }))
        }
      ]
    },
    size,
    size
  )
}
