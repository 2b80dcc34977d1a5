import { join } from 'node:path'
import { probabilities } from '../core/logits.js'
import type { Tensor } from '../core/tensor.js'
import { depictionOf } from '../explain/depict.js'
import { nounOf, placeNoun } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { lineChart, scatterChart, type Chart, type Line } from '../plot/chart.js'
import { figure } from '../plot/figure.js'
import { animation, pictureToPng } from '../plot/picture.js'
import { ResultFolder } from '../plot/result-folder.js'
import { picturesOf, rowsFor, stacked } from './images.js'
import { perturbed, type Perturbation, type Subject } from './perturbation/curves.js'
import type { RemovalResult } from './results.js'

type Sides = Record<'important' | 'unimportant', Perturbation>
type Named = Subject & { name: string }

const PICTURE_SIZE = 256
const percentOf = (share: number): string => `${(share * 100).toFixed(0)} %`

/**
 * Tables and charts of a feature removal, and a folder for each pictured image.
 * @returns the files that were written
 * @throws LrpError IO
 */
export async function writeRemoval(
  folder: string,
  model: Model,
  result: Omit<RemovalResult, 'folder' | 'files'>,
  pictured: Named[],
  sides: Sides
): Promise<string[]> {
  const out = new ResultFolder(folder)
  const shares = result.curve.map(({ fraction }) => fraction)
  for (const subject of pictured) await writeImage(out, model, subject, sides, shares)
  const rows = result.curve.map((point) => [point.fraction, point.important, point.unimportant])
  await out.csv('curve.csv', [['fraction', 'important_removed', 'unimportant_removed'], ...rows])
  await out.json('removal.json', result)
  await out.chart('curve', curveChart(result))
  await out.chart('scatter', perImageChart(result))
  return out.files
}

/** An image, its map, and what is left of it at every share, each with a text of the class confidences. */
async function writeImage(
  out: ResultFolder,
  model: Model,
  subject: Named,
  { important, unimportant }: Sides,
  shares: number[]
): Promise<void> {
  const { name } = subject
  const shape = model.imageShape
  const [most, least] = [important, unimportant].map((side) =>
    Array.from(perturbed(model, subject, side), ({ image }) => image.slice())
  ) as [Float32Array[], Float32Array[]]
  const images = [...most, ...least.slice(1)] // both begin with the original
  const texts = confidenceTexts(model, await model.forward({ ...stacked(images, shape), ...rowsFor([subject]) }))
  const pictures = await picturesOf(model, images)
  const depiction = depictionOf(model, stacked([subject.image], shape))
  if (!depiction) return
  const { picture: map } = await depiction.map('heatmap', subject.relevance, 0, {})
  const both = async (kind: string, picture: typeof map, text: string): Promise<void> => {
    await out.write(join(name, `${kind}.png`), await pictureToPng(picture, PICTURE_SIZE))
    await out.write(join(name, `${kind}.txt`), text)
  }
  await both('lrp', map, texts[0]!)
  await both('original', pictures[0]!, texts[0]!)
  const steps = shares.length - 1
  for (let k = 1; k <= steps; k++) {
    await both(`important_removed_${shares[k]!.toFixed(2)}`, pictures[k]!, texts[k]!)
    await both(`unimportant_removed_${shares[k]!.toFixed(2)}`, pictures[k + steps]!, texts[k + steps]!)
  }
  const percent = percentOf(shares.at(-1)!)
  const panels = [
    { title: depiction.title, picture: pictures[0]! },
    { title: 'relevance', picture: map },
    { title: `without the most relevant ${percent}`, picture: pictures[steps]! },
    { title: `without the least relevant ${percent}`, picture: pictures[2 * steps]! }
  ]
  await out.write(`${name}.png`, await figure(panels))
  await out.write(join(name, 'removal.webp'), await animation(pictures.slice(0, steps + 1)))
}

/** A line per class for each row of logits; a single logit has two classes. */
function confidenceTexts(model: Model, logits: Tensor): string[] {
  const [images, outputs] = logits.shape as [number, number]
  const rows = probabilities(logits, model.multilabel)
  return Array.from({ length: images }, (_, i) => {
    const own = Array.from(rows.subarray(i * outputs, (i + 1) * outputs))
    const classes = outputs === 1 ? [1 - own[0]!, own[0]!] : own
    return classes.map((p, c) => `${model.className(c)} ${p.toFixed(6)}\n`).join('')
  })
}

function curveChart({ method, inputKind, curve }: Omit<RemovalResult, 'folder' | 'files'>): Promise<Chart> {
  const line = (name: string, key: 'important' | 'unimportant'): Line => ({
    name,
    points: curve.map((point) => [point.fraction, point[key]])
  })
  const lines = [
    line('most relevant values removed', 'important'),
    line('least relevant values removed', 'unimportant')
  ]
  const title = `Confidence of the predicted class, by ${method}`
  return lineChart(title, `share of ${placeNoun(inputKind)}s removed`, 'mean confidence', lines, { min: 0, max: 1 })
}

function perImageChart({
  method,
  inputKind,
  curve,
  perImage
}: Omit<RemovalResult, 'folder' | 'files'>): Promise<Chart> {
  const points = perImage.important.map((value, i) => [value, perImage.unimportant[i]!] as [number, number])
  return scatterChart(
    `Confidence of each ${nounOf(inputKind)} without ${percentOf(curve.at(-1)!.fraction)} of its ${placeNoun(inputKind)}s, ${method}`,
    'most relevant values removed',
    'least relevant values removed',
    [{ name: `${nounOf(inputKind)}s`, points }],
    { min: 0, max: 1 }
  )
}
