import { nounOf } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { lineChart, type Line } from '../plot/chart.js'
import { figure } from '../plot/figure.js'
import { animation, type Picture } from '../plot/picture.js'
import { ResultFolder } from '../plot/result-folder.js'
import { counted } from '../core/plural.js'
import type { ScoreContext } from './metrics/context.js'
import { picturesOf } from './images.js'
import { perturbed } from './perturbation/curves.js'
import { perturbationOf } from './perturbation/settings.js'
import type { Evaluation, MeanCurve } from './results.js'

const FRAMES = 8
const STEP = 128 // pixels of one step's picture: a whole multiple of 32 and 64
const CHANCE = '#111111'

/**
 * Writes the results of `evaluate`: `evaluation.json` (all numbers and settings), `scores.csv` (one row per method
 * and image), `ranking.csv`, the curves as charts `morf` and `lerf` with bands, the size of the steps (`flips`), and
 * the first image during the steps of the best method (`perturbed`). @throws LrpError IO
 */
export async function writeEvaluation(
  folder: string,
  model: Model,
  evaluation: Evaluation,
  example: ScoreContext
): Promise<void> {
  const out = new ResultFolder(folder)
  await out.json('evaluation.json', evaluation)
  await out.csv('ranking.csv', rankingTable(evaluation))
  await out.csv('scores.csv', scoreTable(evaluation))
  const noun = nounOf(evaluation.inputKind)
  const several = evaluation.images.length > 1 ? ` Bands: 95 % intervals over the ${noun}s.` : ''
  for (const [order, words, note] of [
    ['morf', 'most relevant first', 'Lower curves are better: with a faithful map, the output falls early.'],
    ['lerf', 'least relevant first', 'Higher curves are better: with a faithful map, the output falls late.']
  ] as const) {
    const lines = inOrder(evaluation, evaluation.methods).map((method) => toLine(method.name, method[order]))
    const chance = { ...toLine('random order', evaluation.random), dashed: true, background: CHANCE }
    const { what, axis } = measured(model, evaluation, example)
    const title = `${what}, ${words} (${counted(evaluation.images.length, noun)})`
    const range = axis === 'probability' ? { min: 0 } : {}
    const reading = { ...range, note: note + several }
    const axes = [`share of the ${noun} replaced`, `mean ${axis}`] as const
    await out.chart(order, lineChart(title, ...axes, [...lines, chance], reading))
  }
  await out.chart('flips', flipsChart(evaluation, noun))
  await writePerturbed(out, model, evaluation, example)
  if (Object.keys(evaluation.randomisation).length > 0) await out.chart('randomisation', randomisationChart(evaluation))
}

/** What the curves show, in words: title and name of the axis. */
function measured(model: Model, { settings }: Evaluation, example: ScoreContext): { what: string; axis: string } {
  const place = example.region === undefined ? '' : ' in its region'
  if (model.givesValues) return { what: `Value of the explained ${model.outputNoun}${place}`, axis: 'value' }
  if (example.reference) return { what: 'Similarity to the reference image', axis: 'similarity' }
  const compared = example.against === undefined ? '' : ' against another'
  if (example.box !== undefined) return { what: `Score of the explained class${compared}`, axis: 'score' }
  const { measure } = settings.perturbation
  const what = `${measure === 'logit' ? 'Logit' : 'Probability'} of the explained class${compared}${place}`
  return { what, axis: measure }
}

/** A row for each method with the mean and interval of every metric. */
function rankingTable({ metrics, methods }: Evaluation): (string | number)[][] {
  const head = metrics.flatMap(({ name }) => [name, `${name} low`, `${name} high`])
  const rows = methods.map(({ name, scores }) => [
    name,
    ...metrics.flatMap((metric) => {
      const { mean, low, high } = scores[metric.name]!
      return [mean, low, high]
    })
  ])
  return [['method', ...head], ...rows]
}

function scoreTable({ metrics, methods, images }: Evaluation): (string | number)[][] {
  const names = metrics.map((metric) => metric.name)
  const rows = methods.flatMap((method) =>
    images.map((image, i) => [method.name, image, ...names.map((name) => method.scores[name]!.values[i]!)])
  )
  return [['method', 'image', ...names], ...rows]
}

/** As the methods were given, so that a method has one colour in all charts, wherever it ranks. */
function inOrder<T extends { name: string }>({ settings }: Evaluation, methods: T[]): T[] {
  const place = ({ name }: T): number => settings.methods.indexOf(name)
  return methods.toSorted((a, b) => place(a) - place(b))
}

function toLine(name: string, { shares, mean, low, high }: MeanCurve): Line {
  return {
    name,
    points: shares.map((share, k) => [share, mean[k]!]),
    band: shares.map((_, k) => [low[k]!, high[k]!])
  }
}

function flipsChart(evaluation: Evaluation, noun: string) {
  const { shares } = evaluation.random
  const units = shares.map((share, k): [number, number] => [k, k === 0 ? 0 : share - shares[k - 1]!])
  const line = { name: 'flips', points: units.slice(1) }
  const { growing } = evaluation.settings.perturbation
  return lineChart(
    'Share of the replaced values in each step',
    'step',
    `share of the ${noun} replaced in this step`,
    [line],
    {
      min: 0,
      note: `All methods use the same steps.${growing ? '' : ' Steps of equal size can differ by one pixel or square.'}`
    }
  )
}

/** Similarity (SSIM) against the number of layers that are randomised. */
function randomisationChart(evaluation: Evaluation) {
  const named = Object.entries(evaluation.randomisation).map(([name, layers]) => ({ name, layers }))
  const lines = inOrder(evaluation, named).map(({ name, layers }): Line => ({
    name,
    points: [[0, 1], ...layers.map((layer, i): [number, number] => [i + 1, layer.ssim])]
  }))
  const title = 'Similarity of the maps after parameter randomisation, from the output to the input'
  return lineChart(title, 'randomised layers', 'mean SSIM with the original maps', lines, {
    max: 1,
    note: 'Lower curves are better: a map that depends on the model changes with the weights.'
  })
}

async function writePerturbed(
  out: ResultFolder,
  model: Model,
  evaluation: Evaluation,
  example: ScoreContext
): Promise<void> {
  const pictures = async (order: 'morf' | 'lerf'): Promise<{ title: string; picture: Picture }[]> => {
    const steps = perturbed(model, example, perturbationOf(evaluation.settings.perturbation, order))
    const all = Array.from(steps, ({ image, share }) => ({
      title: `${(100 * share).toFixed(0)} %`,
      image: image.slice()
    }))
    const every = Math.max(1, Math.ceil((all.length - 1) / (FRAMES - 1)))
    const shown = all.filter((_, k) => k % every === 0 || k === all.length - 1)
    const drawn = await picturesOf(
      model,
      shown.map(({ image }) => image)
    )
    return drawn.map((picture, k) => ({ title: shown[k]!.title, picture }))
  }
  const [morf, lerf] = [await pictures('morf'), await pictures('lerf')]
  const method = evaluation.methods[0]!.name
  const isSmall = ['image', 'volume'].includes(model.inputKind)
  const [first, second] = isSmall ? ['above', 'below'] : ['left', 'right']
  const captions = [
    `First ${nounOf(evaluation.inputKind)} under ${method}: most relevant values replaced first (${first}), least relevant values replaced first (${second}).`
  ]
  // lines, bars and words cannot be read when they are made smaller: one pair of them below the other
  const pairs = morf.flatMap((panel, k) => [panel, lerf[k]!])
  const drawn = isSmall
    ? await figure([...morf, ...lerf], captions, { columns: morf.length, size: STEP, shrink: true })
    : await figure(pairs, captions, { columns: 2 })
  await out.write('perturbed.png', drawn)
  await out.write('perturbed.webp', await animation(morf.map(({ picture }) => picture)))
}
