import { z } from 'zod'
import { asked, commandText, type Asked } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { probabilities as probabilitiesOf } from '../core/logits.js'
import { explain, type Explanation } from '../explain/explain.js'
import { drawMaps } from '../explain/figures.js'
import { drawOptions, explainToFilesOptions, VIEWS, type DrawOptions } from '../explain/file-options.js'
import { explainOptions, type ExplainOptions } from '../explain/options.js'
import { embedded } from '../plot/html.js'
import type { Model } from '../model/model.js'
import { checkContent } from '../core/options.js'
import { pictureToPng } from '../plot/picture.js'
import type { StateDict } from '../core/tensor.js'
import type { Gallery } from './gallery.js'
import type { Answer, Choice, Question } from './protocol.js'
import { SLIDERS } from './sliders.js'

const MOST_OUTPUTS = 10

const { topK, start } = explainOptions.shape

const questionSchema = z.strictObject({
  image: z.int().min(0),
  choice: z.string(),
  parameters: z.partialRecord(z.enum(Object.keys(SLIDERS)), z.number()),
  topK,
  target: z.union([z.literal('argmax'), z.int().min(0)]),
  start,
  view: z.enum(VIEWS),
  ...drawOptions.shape.heatmap.unwrap().pick({ colourMap: true, quantile: true }).partial().shape
})

/** What answers are given from. */
export interface Served {
  model: Model
  /** What the model is called on the command line. */
  called: string
  loadedWith: Asked
  gallery: Gallery
  choices: Choice[]
  /** Names of the model's outputs. */
  outputs: string[]
  patterns?: StateDict
}

/** Explains one image. @throws LrpError as `explain`; INVALID_ARGUMENT for what is not a question, NOT_FOUND for its image */
export async function answer(served: Served, given: unknown, signal: AbortSignal): Promise<Answer> {
  const question: Question = checkContent(questionSchema, given, 'the question')
  const { model, gallery, patterns } = served
  const { input, asked: source } = gallery.at(question.image)
  const options = optionsOf(question, served.choices)
  const begun = performance.now()
  const found = await explain(model, input, { ...options, patterns, conservation: true, signal })
  const milliseconds = performance.now() - begun
  const { view, colourMap: map, quantile } = question
  const drawn: DrawOptions = { views: [view], heatmap: { colourMap: map, quantile } }
  const [[, panel] = []] = await drawMaps(model, { input, names: [''] }, found, drawn)
  const { picture, outlines = [] } = panel!
  return {
    picture: embedded(await pictureToPng(picture)),
    width: picture.width,
    height: picture.height,
    outlines,
    ...numbersOf(model, found),
    milliseconds,
    warnings: found.warnings,
    command: commandText('explain', served.called, {
      ...served.loadedWith,
      ...source,
      ...asked(explainToFilesOptions, { ...options, ...drawn })
    })
  }
}

function optionsOf({ choice: name, parameters, topK, target, start }: Question, choices: Choice[]): ExplainOptions {
  const choice = choices.find((one) => one.name === name)
  if (!choice) throw new LrpError('NOT_FOUND', `there is no rule, composite or method '${name}'`)
  if (choice.kind === 'method') return { method: name as ExplainOptions['method'], target }
  const known = Object.entries(parameters).filter(([parameter]) => parameter in choice.parameters)
  return { [choice.kind]: name, ...Object.fromEntries(known), topK, start, target }
}

function numbersOf(
  model: Model,
  { logits, targets, relevance, conservationError }: Explanation
): Pick<Answer, 'target' | 'outputs' | 'sum' | 'conservationError'> {
  const target = targets[0]!
  const probabilities = model.task === 'regression' ? undefined : probabilitiesOf(logits, model.multilabel)
  const outputs = Array.from(logits.data, (value, index) => ({ index, value, probability: probabilities?.[index] }))
  if (probabilities) outputs.sort((a, b) => b.value - a.value)
  const strongest = outputs.slice(0, MOST_OUTPUTS)
  if (!strongest.some(({ index }) => index === target)) strongest.push(outputs.find(({ index }) => index === target)!)
  return {
    target,
    outputs: strongest,
    sum: relevance.data.reduce((sum, value) => sum + value, 0),
    conservationError: conservationError.length > 0 ? conservationError[0] : undefined
  }
}
