import { recordedSettings, type RecordedSettings } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { toKebab } from '../core/flag-names.js'
import { namesOf } from '../core/option.js'
import { sliceBatch } from '../explain/batches.js'
import type { StateDict, Tensor } from '../core/tensor.js'
import { explain } from '../explain/explain.js'
import { planOf } from '../explain/prepare.js'
import { namedMethod } from '../explain/named-method.js'
import { explainOptions, type ExplainOptions } from '../explain/options.js'
import type { Model } from '../model/model.js'
import type { NodeRule } from '../native/addon.js'
import { ruleChoice } from '../rules/options.js'
import { stacked } from './images.js'
import type { Scored } from './perturbation/scored.js'

/** Regions, boxes, references or classes that are compared with, one for each image; nothing for logits. */
export type Where = readonly Omit<Scored, 'target'>[]

/** An explanation method that the caller implements. */
export interface Explainer {
  /** Name in tables and charts. */
  name: string
  /**
   * Everything that the maps depend on besides the model. A stopped evaluation continues only if this value is
   * unchanged as JSON.
   */
  options?: object
  /** For LRP, returns the rule of each node of a model. */
  rules?: (model: Model) => Promise<NodeRule[]>
  /**
   * Explains images [n, channels, height, width], each for one class, or for the region, box or embedding in `where`.
   * @returns the maps of all images, concatenated
   */
  explain: (model: Model, images: Tensor, targets: Int32Array, where?: Where) => Promise<Float32Array>
}

/** A rule, composite or method by name, options of `explain`, or means of the caller's own. */
export type MethodChoice = string | ExplainOptions | Explainer

/** @throws LrpError INVALID_ARGUMENT for unknown and repeated names */
export function chooseMethods(methods: MethodChoice[], patterns?: StateDict): Explainer[] {
  const chosen = methods.map((method): Explainer => {
    if (typeof method === 'string') return { name: method, ...explainBy(namedMethod(method), patterns) }
    if ('explain' in method) return method
    return { name: nameOf(method), options: method, ...explainBy(method, patterns) }
  })
  const twice = chosen.find(({ name }, i) => chosen.findIndex((other) => other.name === name) !== i)
  if (twice) throw new LrpError('INVALID_ARGUMENT', `option 'methods' names '${twice.name}' twice`)
  if (chosen.length === 0) throw new LrpError('INVALID_ARGUMENT', "option 'methods' must name at least one method")
  return chosen
}

function explainBy(given: ExplainOptions, patterns?: StateDict): Pick<Explainer, 'rules' | 'explain'> {
  const options = { ...given, ...(patterns && { patterns }) }
  return {
    rules: async (model) => (await planOf(model, options)).rules,
    explain: (model, images, targets, where) => mapsOf(model, images, options, targets, where)
  }
}

/** The name in tables: that of the method, and what is set otherwise than usual, `gamma gamma=0.5`. */
function nameOf(options: ExplainOptions): string {
  const settings = Object.entries(settingsOf(options)).flatMap(([name, value]) =>
    name === 'parameter' ? [value].flat() : `${toKebab(name)}=${[value].flat().join(',')}`
  )
  return [chosenName(options), ...settings].join(' ')
}

/** What is asked of a method besides its choice, by flags. */
function settingsOf(options: ExplainOptions): RecordedSettings {
  return recordedSettings(methodSettings, options)
}

const methodSettings = explainOptions.omit({ ...namesOf(ruleChoice), method: true, patterns: true })

/** The options that give these methods again; options that differ from method to method have no such form. */
export function recordedMethods(methods: readonly MethodChoice[]): RecordedSettings {
  const [only, ...others] = methods
  if (typeof only === 'object' && others.length === 0) {
    const options = 'explain' in only ? only.options : only
    if (options) return recordedSettings(explainOptions, options)
  }
  const names = methods.map((one) => (typeof one === 'string' ? one : 'explain' in one ? one.name : chosenName(one)))
  const settings = methods.map((one) => (typeof one === 'string' || 'explain' in one ? {} : settingsOf(one)))
  return { rules: names.join(','), ...Object.assign({}, ...settings) }
}

/** The word that chooses a method. */
function chosenName({ method = 'lrp', rule, composite, rules }: ExplainOptions): string {
  if (method !== 'lrp') return method
  const preset = typeof composite === 'object' ? composite.name : composite
  return rule ?? preset ?? rules ?? 'auto'
}

async function mapsOf(
  model: Model,
  images: Tensor,
  options: ExplainOptions,
  targets: Int32Array,
  where: Where = []
): Promise<Float32Array> {
  const [first] = where
  const against = first?.against
  if (where.some((one) => one.against !== against)) {
    const mapOf = (i: number): Promise<Float32Array> =>
      mapsOf(model, sliceBatch(images, i, i + 1), options, targets.subarray(i, i + 1), where.slice(i, i + 1))
    return joined(images.data.length, where.length, mapOf)
  }
  if (against !== undefined) return mapsOf(model, images, { ...options, against }, targets, where.map(alone))
  if (first?.reference) {
    const reference = { data: first.reference, shape: [1, first.reference.length] }
    return (await explain(model, images, { ...options, reference })).relevance.data
  }
  if (first?.box !== undefined) {
    return joined(images.data.length, where.length, async (i) => {
      const own = { ...options, targets: targets.subarray(i, i + 1), box: where[i]!.box }
      return (await explain(model, sliceBatch(images, i, i + 1), own)).relevance.data
    })
  }
  if (first?.region) {
    const regions = where.map(({ region }) => Float32Array.from(region!.data))
    const region = stacked(regions, first.region.shape)
    return (await explain(model, images, { ...options, targets, region })).relevance.data
  }
  return (await explain(model, images, { ...options, targets })).relevance.data
}

/** Without what it is compared with. */
const alone = (one: Where[number]): Where[number] => ({ ...one, against: undefined })

/** Maps that are computed one by one. */
async function joined(
  size: number,
  images: number,
  mapOf: (i: number) => Promise<Float32Array>
): Promise<Float32Array> {
  const maps = new Float32Array(size)
  for (let i = 0; i < images; i++) maps.set(await mapOf(i), (i * size) / images)
  return maps
}
