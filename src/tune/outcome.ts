import type { Experiment } from '../experiment/experiment.js'
import { toKebab, valueText } from '../core/flag-names.js'
import { lineChart, scatterChart, type Chart, type Line } from '../plot/chart.js'
import { ResultFolder } from '../plot/result-folder.js'
import { choices, type Space } from './space.js'
import { ranked, type Measure, type Trial } from './trials.js'

/** Trials with a colour of their own in the chart along the epochs: as many as can be told apart. */
const COLOURED = 6
const NEUTRAL = '#c4c4c4'

/** `tune.csv`, and charts of the score along the epochs and over each setting. */
export async function writeOutcome(
  experiment: Experiment,
  space: Space,
  trials: Trial[],
  measure: Measure
): Promise<void> {
  const names = Object.keys(space)
  const order = ranked(trials, measure)
  const rows = order.map((one) => [
    one.index,
    ...names.map((name) => valueText(one.settings[name])),
    one.epochs,
    one.score ?? '',
    one.state,
    one.error ?? ''
  ])
  const headings = ['trial', ...names.map(toKebab), 'trained_epochs', `valid_${measure}`, 'state', 'error']
  const out = new ResultFolder(experiment.folder)
  await out.csv('tune.csv', [headings, ...rows])
  await out.chart('charts/trials', alongEpochs(order, measure))
  for (const name of names) {
    const chart = overSetting(name, space[name]!, trials, measure)
    if (chart) await out.chart(`charts/by-${toKebab(name)}`, chart)
  }
}

/** @param order best first */
function alongEpochs(order: Trial[], measure: Measure): Promise<Chart> {
  const lines = order
    .filter(({ curve }) => curve.length > 0)
    .map(({ index, curve }, place): Line => {
      const points = curve.map((y, i): [number, number] => [i + 1, y])
      return place < COLOURED
        ? { name: `trial ${index}`, points }
        : { name: 'other trials', points, background: NEUTRAL }
    })
  return lineChart('Trials by epoch, best first', 'epoch', `validation ${measure}`, lines)
}

/** The values of a list stand side by side, those of a range along it. */
function overSetting(name: string, axis: Space[string], trials: Trial[], measure: Measure): Promise<Chart> | undefined {
  const names = choices(axis)?.map(valueText)
  const points = trials.flatMap(({ settings, score }): [number, number][] => {
    const value = settings[name]
    return score === null ? [] : [[names ? names.indexOf(valueText(value)) : Number(value), score]]
  })
  if (points.length < 2) return undefined
  const log = 'scale' in axis && axis.scale === 'log'
  const groups = [{ name: 'trials', points }]
  const flag = toKebab(name)
  return scatterChart(`Trials by ${flag}`, flag, `validation ${measure}`, groups, {}, { names, log })
}
