import { recordedSettings } from '../core/command-line.js'
import { digest } from '../core/digest.js'
import { LrpError } from '../core/errors.js'
import { pickOptions, resumeValues } from '../core/option.js'
import { checkOptions } from '../core/options.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { inputOptions } from '../explain/file-options.js'
import { readInputs } from '../explain/inputs.js'
import { patternsFor } from '../explain/patterns.js'
import { rulesByNode } from '../explain/summary.js'
import { loadedWith } from '../model/loaded-with.js'
import type { Model } from '../model/model.js'
import { provenanceOf } from '../model/provenance.js'
import { ExplainedImages } from './explained-images.js'
import { arrayOf } from './images.js'
import { chooseMethods, recordedMethods } from './methods.js'
import { classify } from './metrics/context.js'
import { canShift } from './metrics/invariance.js'
import { masksOf } from './metrics/masks.js'
import type { Similarity } from './metrics/randomisation.js'
import { chooseMetrics, DEFAULT_METRICS, hasNeighbours, hasOthers, METRICS } from './metrics/registry.js'
import { evaluateOptions, scoredOptions, type EvaluateOptions } from './options.js'
import { settingsFor } from './perturbation/settings.js'
import { openProgress } from './progress.js'
import type { Evaluation, ImageResult } from './results.js'
import { Stages } from './stages.js'
import { summarise } from './summary.js'
import { classesOf } from './targets.js'
import { usualMethods } from './usual-methods.js'
import { writeEvaluation } from './write-evaluation.js'

/**
 * Compares explanation methods on a set of images. It computes perturbation curves, scores with bootstrap intervals,
 * paired tests between the methods and, if requested, parameter randomisation. It explains the predicted class of every
 * image, unless `target` names another class. For a dense output, it explains the region where this class is predicted.
 * @throws LrpError INVALID_ARGUMENT for unknown methods and metrics; as `explain`
 */
export async function evaluate(model: Model, options: EvaluateOptions = {}): Promise<Evaluation> {
  const checked = checkOptions(evaluateOptions, options)
  const { draws, randomisation, seed, signal } = checked
  const perturbation = settingsFor(model, options.perturbation)
  const given = {
    classes: !model.givesValues && checked.reference === undefined,
    others: hasOthers(model),
    model: true,
    image: model.inputKind !== 'tokens',
    neighbours: hasNeighbours(model),
    explainer: true,
    shift: canShift(model.graph),
    mask: options.mask !== undefined
  }
  const metrics = chooseMetrics(options.metrics ?? DEFAULT_METRICS, METRICS, given)
  const patterns = checked.patterns === undefined ? undefined : await patternsFor(model, checked.patterns)
  const chosen = chooseMethods(checked.methods, patterns)
  const { input, names, labels } = await readInputs(model, pickOptions(inputOptions, checked))
  if (model.inputKind === 'array') {
    const axes = model.imageShape.join('x')
    throw new LrpError(
      'INVALID_ARGUMENT',
      `explanations of inputs of shape ${axes} cannot be evaluated: only images, signals, volumes and table rows can`
    )
  }
  const mask = await arrayOf(checked.mask)
  const masks = mask && masksOf(firstOf(mask, input.shape[0]!), input, names)
  const classified = await classify(
    model,
    input,
    { perturbation, seed, masks: masks?.planes, signal },
    { ...pickOptions(scoredOptions, checked), ...(await classesOf(checked.target, labels)) }
  )
  const images = new ExplainedImages(classified)
  const methods = options.methods === undefined ? await usualMethods(chosen, images) : chosen
  for (const method of methods) if (method.rules) await images.tryOut(method)
  const settings = {
    methods: methods.map(({ name }) => name),
    metrics: metrics.map(({ name }) => name),
    perturbation,
    draws,
    randomisation,
    seed
  }
  const key = [model.graph, names, classified.said, mask?.data, resumeValues(evaluateOptions, checked)]
  const progress = await openProgress(options.output, digest(key))
  const stages = new Stages(settings.methods, names.length, randomisation > 0, options.onProgress)
  const results = new Map<string, ImageResult[]>()
  for (const [m, method] of methods.entries()) {
    const done = progress.done.filter((chunk) => chunk.method === method.name).flatMap((chunk) => chunk.images)
    for (let from = done.length; from < names.length; from += images.chunk) {
      const found = await images.results(method, metrics, from, Math.min(from + images.chunk, names.length))
      await progress.log?.add({ method: method.name, images: found })
      done.push(...found)
      stages.explained(m, done.length)
    }
    results.set(method.name, done)
  }
  const random = await images.randomOrder(draws, (done) => stages.drawn(done))
  const similarity: Record<string, Similarity[]> = {}
  if (randomisation > 0)
    for (const [m, method] of methods.entries()) {
      similarity[method.name] = await images.randomise(method, randomisation)
      stages.randomised(m + 1)
    }
  const notes = masks?.notes ?? []
  const rules = new Map<string, Record<string, string>>()
  for (const { name, rules: own } of methods) {
    const plan = (await own?.(model)) ?? []
    if (plan.length > 0) rules.set(name, rulesByNode(plan))
  }
  const evaluation = summarise({
    asked: {
      ...loadedWith(model),
      ...recordedMethods(options.methods ?? settings.methods),
      ...recordedSettings(evaluateOptions, options)
    },
    settings,
    model: model.name,
    inputKind: model.inputKind,
    images: names,
    notes,
    metrics,
    results,
    random,
    similarity,
    rules,
    provenance: await provenanceOf(model)
  })
  if (options.output !== undefined) {
    const best = methods.find(({ name }) => name === evaluation.methods[0]!.name)!
    await writeEvaluation(options.output, model, evaluation, await images.example(best))
  }
  await progress.log?.remove()
  return evaluation
}

/** Masks of the images that `limit` leaves. */
function firstOf({ data, shape }: Tensor, images: number): Tensor {
  if (shape[0]! <= images) return { data, shape }
  const rest = shape.slice(1)
  return { data: data.subarray(0, images * sizeOf(rest)), shape: [images, ...rest] }
}
