import * as z from 'zod'
import { recordedSettings, commandText, type RecordedSettings } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { positionClasses, probabilities as probabilitiesOf } from '../core/logits.js'
import { explain, type Explanation } from '../explain/explain.js'
import { drawMaps } from '../explain/figures.js'
import { drawOptions, explainToFilesOptions, VIEWS, type DrawOptions } from '../explain/file-options.js'
import { explainOptions, type ExplainOptions } from '../explain/options.js'
import { isBinary, scoreLayout } from '../explain/targets/classes.js'
import { explainedText } from '../explain/targets/describe.js'
import { embedded } from '../plot/html.js'
import type { Model } from '../model/model.js'
import { checkContent } from '../core/options.js'
import { pictureToPng } from '../plot/picture.js'
import type { StateDict } from '../core/tensor.js'
import type { Gallery } from './gallery.js'
import { narrowedBy } from './narrowing.js'
import type { Answer, Choice } from './protocol.js'
import { SLIDERS } from './sliders.js'

const MOST_OUTPUTS = 10

const { topK, start } = explainOptions.shape

const questionSchema = z.strictObject({
  image: z.int().min(0),
  choice: z.string(),
  parameters: z.record(z.string(), z.number()).default({}),
  topK,
  target: z.union([z.literal('argmax'), z.int().min(0)]).default('argmax'),
  head: z.string().optional(),
  narrowed: z.record(z.string(), z.string().min(1)).optional(),
  start,
  view: z.enum(VIEWS).default('heatmap'),
  ...drawOptions.shape.heatmap.unwrap().pick({ colourMap: true, quantile: true }).partial().shape
})

/** What answers are given from. */
export interface Served {
  model: Model
  /** What the model is called on the command line. */
  called: string
  loadedWith: RecordedSettings
  gallery: Gallery
  choices: Choice[]
  /** Names of the model's outputs. */
  outputs: string[]
  patterns?: StateDict
}

/** Explains one image. @throws LrpError as `explain`; INVALID_ARGUMENT for what is not a question, NOT_FOUND for its image */
export async function answer(served: Served, given: unknown, signal: AbortSignal): Promise<Answer> {
  const question = checkContent(questionSchema, given, 'the request')
  const { gallery, patterns } = served
  const { head } = question
  const model = head === undefined ? served.model : await served.model.head(head)
  const { input, asked: source } = gallery.at(question.image)
  const { reference: compared, ...narrowed } = narrowedBy(question.narrowed ?? {})
  const other = compared === undefined ? undefined : gallery.named(String(compared))
  const options = { ...optionsOf(question, served.choices), ...narrowed }
  const reference = other && (await model.forward(other.input, { signal }))
  const begun = performance.now()
  const found = await explain(model, input, {
    ...options,
    ...(reference && { reference }),
    patterns,
    conservation: true,
    signal
  })
  const milliseconds = performance.now() - begun
  const { view, colourMap: map, quantile } = question
  const drawn: DrawOptions = { views: [view], heatmap: { colourMap: map, quantile } }
  const [[, panel, ...others] = []] = await drawMaps(model, { input, names: [''] }, found, drawn)
  const { picture, outlines = [] } = panel!
  const further = others.map(async (one) => ({
    title: [one.title].flat().join(' '),
    picture: embedded(await pictureToPng(one.picture))
  }))
  return {
    picture: embedded(await pictureToPng(picture)),
    width: picture.width,
    height: picture.height,
    outlines,
    further: await Promise.all(further),
    explained: explainedText(model, found, 0),
    ...numbersOf(model, found, 'region' in narrowed),
    milliseconds,
    warnings: found.warnings,
    command: commandText('explain', served.called, {
      ...loadedWith(served, head),
      ...source,
      ...recordedSettings(explainToFilesOptions, {
        ...options,
        ...drawn,
        ...(other && { reference: String(other.asked.input ?? other.name) })
      })
    })
  }
}

/** How the model is loaded on the command line; names of classes are those of its own output, and not another head's. */
function loadedWith({ loadedWith: { classes, ...others } }: Served, head?: string): RecordedSettings {
  if (head !== undefined) return { ...others, head }
  return { ...others, ...(classes !== undefined && { classes }) }
}

function optionsOf(
  { choice: name, parameters: turned, topK, target, start }: z.output<typeof questionSchema>,
  choices: Choice[]
): ExplainOptions {
  const choice = choices.find((one) => one.name === name)
  if (!choice) throw new LrpError('NOT_FOUND', `there is no rule, composite or method '${name}'`)
  if (choice.kind === 'method') return { method: name as ExplainOptions['method'], target }
  const known = Object.entries(turned).filter(([parameter]) => parameter in choice.parameters)
  const [own, common] = [known.filter(([one]) => !(one in SLIDERS)), known.filter(([one]) => one in SLIDERS)]
  const parameters = own.length > 0 ? Object.fromEntries(own) : undefined
  return { [choice.kind]: name, ...Object.fromEntries(common), parameters, topK, start, target }
}

type Output = Omit<Answer['outputs'][number], 'name'>

/** What the network says of each class, where the explanation looks. */
function outputsOf(model: Model, { kind, logits, boxes, regions }: Explanation, inRegion: boolean): Output[] {
  if (kind === 'similarity') return []
  if (boxes) {
    const { classes, at } = scoreLayout(model, logits.shape)
    return Array.from({ length: classes }, (_, index) => ({ index, value: logits.data[at(index, boxes[0]!)]! }))
  }
  if (regions) {
    const counts = new Float64Array(Math.max(2, logits.shape[1]!))
    positionClasses(logits).forEach((one, at) => (counts[one]! += inRegion ? regions.data[at]! : 1))
    const inside = Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0)
    )
    return Array.from(counts, (count, index) => ({ index, value: count / inside, probability: count / inside }))
  }
  const probabilities = model.givesValues ? undefined : probabilitiesOf(logits, model.multilabel)
  if (probabilities && isBinary(model, logits.shape)) {
    const [value, probability] = [logits.data[0]!, probabilities[0]!]
    return [{ index: 0, value: -value, probability: 1 - probability }, { index: 1, value, probability }] // prettier-ignore
  }
  return Array.from(logits.data, (value, index) => ({ index, value, probability: probabilities?.[index] }))
}

function numbersOf(
  model: Model,
  found: Explanation,
  inRegion: boolean
): Pick<Answer, 'target' | 'outputs' | 'sum' | 'conservationError'> {
  const { targets, sums, conservationError } = found
  const target = targets[0]!
  const outputs = outputsOf(model, found, inRegion)
  if (model.task !== 'regression') outputs.sort((a, b) => b.value - a.value)
  const strongest = outputs.slice(0, MOST_OUTPUTS)
  const explained = outputs.find(({ index }) => index === target)
  if (explained && !strongest.includes(explained)) strongest.push(explained)
  return {
    target,
    outputs: strongest.map((one) => ({ ...one, name: model.className(one.index) })),
    sum: sums[0]!,
    conservationError: conservationError.length > 0 ? conservationError[0] : undefined
  }
}
