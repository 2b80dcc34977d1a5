import { recordedSettings } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { pickOptions } from '../core/option.js'
import { checkOptions } from '../core/options.js'
import { sizeOf } from '../core/tensor.js'
import { sliceBatch } from '../explain/batches.js'
import { explainDecision } from '../explain/decision.js'
import { inputOptions } from '../explain/file-options.js'
import { readInputs } from '../explain/inputs.js'
import { explainOptions } from '../explain/options.js'
import { rulesByNode } from '../explain/summary.js'
import { safeName } from '../core/paths.js'
import { loadedWith } from '../model/loaded-with.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { imageSeed } from './images.js'
import { removeFeaturesOptions, type RemoveFeaturesOptions } from './options.js'
import { perturbationCurves, type Perturbation, type Subject } from './perturbation/curves.js'
import { shareFilled } from './perturbation/filled.js'
import { checkFill } from './perturbation/settings.js'
import { stepsAt } from './perturbation/steps.js'
import type { RemovalPoint, RemovalResult } from './results.js'
import { writeRemoval } from './write-removal.js'

/** Images that are perturbed between two calls of `onProgress`. */
const CHUNK = 64

/**
 * Removes increasing shares of the most and of the least relevant pixels, and records the confidence of the predicted
 * class. It writes pictures, text files with the class confidences, `curve.csv`, the charts `curve` and `scatter`, and
 * `removal.json`.
 * @throws LrpError INVALID_ARGUMENT for a regression model; as `explain`
 */
export async function removeFeatures(model: Model, options: RemoveFeaturesOptions = {}): Promise<RemovalResult> {
  const checked = checkOptions(removeFeaturesOptions, options)
  const { pictures, fraction, fill, seed, signal } = checked
  if (model.givesValues) {
    const what = model.isInner ? 'a layer' : 'a regression'
    throw new LrpError('INVALID_ARGUMENT', `remove-features needs a classifier: use evaluate for ${what}`)
  }
  checkFill(model, fill)
  const { input, names } = await readInputs(model, {
    ...pickOptions(inputOptions, checked),
    limit: checked.limit ?? 1e9
  })
  const explanation = await explainDecision(model, input, {
    ...pickOptions(explainOptions, options),
    target: 'argmax',
    onProgress: undefined
  })
  const size = sizeOf(input.shape.slice(1))
  const part = (values: Float32Array, i: number): Float32Array => values.subarray(i * size, (i + 1) * size)
  const images = names.map((_, i) => part(input.data, i))
  const subjects = images.map((image, i) => ({
    name: names[i]!,
    image,
    relevance: part(explanation.relevance.data, i),
    target: explanation.targets[i]!,
    seed: imageSeed(seed, image),
    ...(input.inputs && { inputs: sliceBatch(input, i, i + 1).inputs })
  }))
  const shares = [0, ...fraction.toSorted((a, b) => a - b)]
  const important: Perturbation = { order: 'morf', unit: 1, fill, steps: stepsAt(shares) }
  const unimportant: Perturbation = { ...important, order: 'lerf' }
  const confidences: Confidences[] = []
  for (let from = 0; from < subjects.length; from += CHUNK) {
    const some = subjects.slice(from, from + CHUNK)
    confidences.push(...(await confidencesOf(model, some, [important, unimportant], signal)))
    options.onProgress?.(confidences.length, subjects.length)
  }
  const column = (key: keyof Confidences, step: number): number[] => confidences.map((one) => one[key].at(step)!)
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const result = {
    method: explanation.name,
    inputKind: model.inputKind,
    settings: { ...loadedWith(model), ...recordedSettings(removeFeaturesOptions, options) },
    fill,
    rules: rulesByNode(explanation.rules),
    images: names.length,
    curve: shares.map((share, k): RemovalPoint => ({
      fraction: share,
      important: mean(column('important', k)),
      unimportant: mean(column('unimportant', k))
    })),
    perImage: { important: column('important', -1), unimportant: column('unimportant', -1) },
    notes: notesOn(model, images, fill),
    provenance: await provenanceOf(model)
  }
  const pictured = subjects.slice(0, pictures)
  const folder = options.output ?? model.resultFolder('feature_removal', safeName(explanation.name))
  const files = await writeRemoval(folder, model, result, pictured, { important, unimportant })
  return { ...result, folder, files }
}

/** Above this share of pixels that already have the value of the fill, curves may say little. */
const MUCH = 0.25

function notesOn(model: Model, images: Float32Array[], fill: RemoveFeaturesOptions['fill']): string[] {
  const share = shareFilled(model, images, fill ?? 'zero')
  if (share < MUCH) return []
  const colour = fill === 'white' ? 'white' : 'black'
  return [
    `${(share * 100).toFixed(0)} % of the pixels are already ${colour}, so their removal changes nothing, and the curves of different methods may coincide: use --fill mean, which changes these pixels too`
  ]
}

/** Confidence of one image's class at every share. */
interface Confidences {
  important: number[]
  unimportant: number[]
}

async function confidencesOf(
  model: Model,
  subjects: Subject[],
  perturbations: Perturbation[],
  signal?: AbortSignal
): Promise<Confidences[]> {
  const tasks = perturbations.flatMap((perturbation) => subjects.map((subject) => ({ ...subject, ...perturbation })))
  const curves = await perturbationCurves(model, tasks, signal)
  return subjects.map((_, i) => ({
    important: curves[i]!.probabilities,
    unimportant: curves[i + subjects.length]!.probabilities
  }))
}
