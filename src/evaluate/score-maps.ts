import { LrpError } from '../core/errors.js'
import { asNetwork, withChannelsFirst } from '../model/layout.js'
import type { Model } from '../model/model.js'
import { pickOptions } from '../core/option.js'
import { checkOptions } from '../core/options.js'
import { counted } from '../core/plural.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { usualClasses } from '../explain/targets/classes.js'
import { arrayOf, numberOrNull } from './images.js'
import { classify, contextOf, type ScoreContext } from './metrics/context.js'
import type { MetricDescription, MetricNeed } from './metrics/description.js'
import { masksOf } from './metrics/masks.js'
import { chooseMetrics, hasNeighbours, hasOthers, METRICS } from './metrics/registry.js'
import { scoredOptions, scoreMapsOptions, type ScoreMapsOptions } from './options.js'
import { perturbationCurves, type Perturbation } from './perturbation/curves.js'
import { settingsFor } from './perturbation/settings.js'
import { stepsOf } from './perturbation/steps.js'
import { classesOf } from './targets.js'

type Sizes = Record<'patchSize' | 'featuresInStep' | 'regions', number>

/** A curve of the probability as Quantus 0.6 has it, one value per step; or of its fall. */
interface CurveMetric {
  name: string
  needs: MetricNeed[]
  falls?: boolean
  perturbation: (sizes: Sizes) => Perturbation
}

/** Black is the number 0 here, whatever the preprocessing makes of black. */
const ZERO = { fill: 'constant', value: 0 } as const
const PIXELS: MetricNeed[] = ['model', 'classes']
const REGIONS: MetricNeed[] = ['model', 'classes', 'image']

const CURVES: CurveMetric[] = [
  {
    name: 'pixel_flipping.morf.black',
    needs: PIXELS,
    perturbation: (size) => ({ order: 'morf', unit: 'entry', ...ZERO, steps: stepsOf(size.featuresInStep) })
  },
  {
    name: 'pixel_flipping.morf.mean',
    needs: PIXELS,
    perturbation: (size) => ({
      order: 'morf',
      unit: 'entry',
      fill: 'current-mean',
      steps: stepsOf(size.featuresInStep)
    })
  },
  ...(['morf', 'lerf'] as const).map((order): CurveMetric => ({
    name: `region_perturbation.${order}.black`,
    needs: REGIONS,
    falls: true,
    perturbation: (size) => ({ order, unit: size.patchSize, ...ZERO, steps: stepsOf(1, size.regions) })
  })),
  {
    name: 'selectivity.black',
    needs: REGIONS,
    perturbation: (size) => ({ order: 'morf', unit: size.patchSize, ...ZERO, steps: stepsOf(1) })
  }
]

const ALL: (CurveMetric | MetricDescription)[] = [...CURVES, ...METRICS]

/** Names of the metrics for given maps (docs/metrics.md). Metrics that need a mask are skipped without one. */
export const MAP_METRICS: readonly string[] = ALL.filter(({ needs }) => !needs.includes('explainer')).map(
  ({ name }) => name
)

/** For each metric, a number or a curve per image; null if the image has no score. */
export type Scores = Record<string, (number | number[] | null)[]>

/** Small images are scored together, as many as hold this many values. */
const VALUES_TOGETHER = 3e4

/**
 * Scores attribution maps from any tool, image by image, with the definitions of Quantus 0.6 (docs/metrics.md).
 * @throws LrpError INVALID_ARGUMENT for unknown metrics, arrays of wrong shapes, or a missing mask
 */
export async function scoreMaps(model: Model, options: ScoreMapsOptions): Promise<Scores> {
  const checked = checkOptions(scoreMapsOptions, options)
  const { seed, signal } = checked
  const arrays = { input: await arrayOf(checked.input), attribution: await arrayOf(checked.attribution) }
  const maskGiven = await arrayOf(checked.mask)
  const [input, attribution] = [asNetwork(model, arrays.input), asNetwork(model, arrays.attribution)]
  const mask = maskGiven && maskAsNetwork(model, maskGiven, input)
  const wanted = await classesOf(checked.target)
  checkShapes({ input, attribution, mask, target: wanted.targets })
  const given = {
    others: hasOthers(model),
    model: true,
    classes: !model.givesValues && checked.reference === undefined,
    image: !['array', 'tokens'].includes(model.inputKind),
    neighbours: hasNeighbours(model),
    mask: mask !== undefined,
    explainer: false,
    shift: false
  }
  const metrics = chooseMetrics(options.metrics ?? 'all', ALL, given)
  const count = input.shape[0]!
  const masks =
    mask &&
    masksOf(
      mask,
      input,
      Array.from({ length: count }, (_, i) => `image ${i}`)
    )
  masks?.notes.forEach((note) => options.onNote?.(note))
  const settings = { perturbation: settingsFor(model), seed, masks: masks?.planes, signal }
  const where = pickOptions(scoredOptions, checked)
  const images = await classify(model, input, settings, { ...where, ...wanted }, usualClasses)
  const size = sizeOf(input.shape.slice(1))
  const contexts = Array.from({ length: count }, (_, i) =>
    contextOf(images, i, attribution.data.subarray(i * size, (i + 1) * size))
  )
  const scores: Scores = Object.fromEntries(metrics.map(({ name }) => [name, []]))
  const together = Math.max(1, Math.floor(VALUES_TOGETHER / size))
  for (let from = 0; from < count; from += together) {
    const some = contexts.slice(from, from + together)
    for (const metric of metrics) {
      const found =
        'score' in metric
          ? await scoresOf(metric, some)
          : await curvesOf(some, metric.perturbation(checked), metric.falls)
      scores[metric.name]!.push(...found)
    }
    options.onProgress?.(from + some.length, count)
  }
  return scores
}

/** Masks in the layout of the file: of all channels, or [images, height, width, 1]. */
function maskAsNetwork(model: Model, mask: Tensor, { shape: [images, , height, width] }: Tensor): Tensor {
  const isOnePlane = mask.shape.join() === [images, height, width, 1].join()
  return model.layout === 'nhwc' && isOnePlane ? withChannelsFirst(mask) : asNetwork(model, mask)
}

async function scoresOf({ score }: MetricDescription, contexts: ScoreContext[]): Promise<(number | null)[]> {
  const values: (number | null)[] = []
  for (const context of contexts) values.push(numberOrNull(await score(context)))
  return values
}

async function curvesOf(contexts: ScoreContext[], perturbation: Perturbation, falls = false): Promise<number[][]> {
  const { model, signal } = contexts[0]!
  const tasks = contexts.map((context) => ({ ...context, ...perturbation }))
  const curves = await perturbationCurves(model, tasks, signal)
  return curves.map(({ probabilities }, i) =>
    falls ? probabilities.map((p) => contexts[i]!.probability - p) : probabilities
  )
}

interface Arrays {
  input: Tensor
  attribution: Tensor
  mask?: Tensor
  target?: ArrayLike<number>
}

function checkShapes({ input, attribution, mask, target }: Arrays): void {
  if (attribution.shape.join() !== input.shape.join())
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the attribution has shape [${attribution.shape.join(', ')}], but the input has [${input.shape.join(', ')}]`
    )
  if (target && target.length !== input.shape[0]) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `there are ${counted(target.length, 'target')}, but ${counted(input.shape[0]!, 'image')}: pass one target for each image`
    )
  }
  for (const [name, tensor] of Object.entries({ attribution, mask })) {
    if (tensor && !tensor.data.every(Number.isFinite))
      throw new LrpError('NUMERIC', `the ${name} contains values that are not finite`)
  }
}
