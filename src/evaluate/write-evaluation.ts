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
 * `evaluation.json` (every figure and setting), `scores.csv` (one row per method and image), `ranking.csv`, the curves as
 * `morf` and `lerf` charts with bands, the flips per step, and the first image on its way under the best method.
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
  for (const [order, words] of [
    ['morf', 'most relevant first'],
    ['lerf', 'least relevant first']
  ] as const) {
    const lines = inOrder(evaluation, evaluation.methods).map((method) => toLine(method.name, method[order]))
    const chance = { ...toLine('random order', evaluation.random), dashed: true, background: CHANCE }
    const { what, axis } = measured(model, evaluation, example)
    const title = `${what}, ${words} (${counted(evaluation.images.length, noun)})`
    const range = axis === 'probability' ? { min: 0 } : {}
    const axes = [`share of the ${noun} replaced`, `mean ${axis} (band: 95 % interval)`] as const
    await out.chart(order, lineChart(title, ...axes, [...lines, chance], range))
  }
  await out.chart('flips', flipsChart(evaluation, noun))
  await writePerturbed(out, model, evaluation, example)
  if (Object.keys(evaluation.randomisation).length > 0) await out.chart('randomisation', randomisationChart(evaluation))
}

/** What curves show, in words. */
function measured(model: Model, { settings }: Evaluation, example: ScoreContext): { what: string; axis: string } {
  const place = example.region === undefined ? '' : ' in its region'
  if (model.givesValues) return { what: `Value of the explained ${model.outputNoun}${place}`, axis: 'value' }
  if (example.reference) return { what: 'Similarity to the reference', axis: 'similarity' }
  const compared = example.against === undefined ? '' : ' against another'
  if (example.box !== undefined) return { what: `Score of the explained class${compared}`, axis: 'score' }
  const { measure } = settings.perturbation
  const what = `${measure === 'logit' ? 'Logit' : 'Probability'} of the explained class${compared}${place}`
  return { what, axis: measure }
}

/** One row per method: mean and interval of every metric. */
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
  return lineChart('Flips per step', 'step', `share of the ${noun}`, [{ name: 'flips', points: units.slice(1) }], {
    min: 0
  })
}

/** Similarity (SSIM) against the number of layers that are randomised. */
function randomisationChart(evaluation: Evaluation) {
  const named = Object.entries(evaluation.randomisation).map(([name, layers]) => ({ name, layers }))
  const lines = inOrder(evaluation, named).map(({ name, layers }): Line => ({
    name,
    points: [[0, 1], ...layers.map((layer, i): [number, number] => [i + 1, layer.ssim])]
  }))
  const title = 'Similarity of the maps with weights randomised, starting at the output'
  return lineChart(title, 'layers randomised', 'mean SSIM with the original maps', lines, { max: 1 })
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
    `First ${nounOf(evaluation.inputKind)} under ${method}: most relevant replaced first (${first}), least relevant first (${second}).`
  ]
  // lines, bars and words cannot be read when they are made smaller: one pair of them below the other
  const pairs = morf.flatMap((panel, k) => [panel, lerf[k]!])
  const drawn = isSmall
    ? await figure([...morf, ...lerf], captions, { columns: morf.length, size: STEP, shrink: true })
    : await figure(pairs, captions, { columns: 2 })
  await out.write('perturbed.png', drawn)
  await out.write('perturbed.webp', await animation(morf.map(({ picture }) => picture)))
}
