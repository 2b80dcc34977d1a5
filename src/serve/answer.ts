import { z } from 'zod'
import { asked, commandText, type Asked } from '../core/command-line.js'
import { LrpError } from '../core/errors.js'
import { softmax } from '../core/logits.js'
import { explain, type ExplainOptions, type Explanation } from '../explain/explain.js'
import { drawMaps, VIEWS } from '../explain/figures.js'
import { RULE_SETTINGS } from '../explain/settings.js'
import { embedded } from '../plot/html.js'
import type { Model } from '../model/model.js'
import { checkContent } from '../core/options.js'
import { colourMap } from '../plot/colour-maps.js'
import { pictureToPng } from '../plot/picture.js'
import type { StateDict } from '../core/tensor.js'
import type { Gallery } from './gallery.js'
import { PARAMETERS, STARTS, type Answer, type Choice, type Question } from './protocol.js'

const MOST_OUTPUTS = 10

const questionSchema = z.strictObject({
  image: z.int().min(0),
  choice: z.string(),
  parameters: z.partialRecord(z.enum(PARAMETERS), z.number()),
  topK: z.number().gt(0).max(1).optional(),
  target: z.union([z.literal('argmax'), z.int().min(0)]),
  start: z.enum(STARTS).optional(),
  view: z.enum(VIEWS),
  colourMap: z.string().optional(),
  quantile: z.number().gt(0).max(1).optional()
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

/** Explains one image. @throws LrpError as `explain`; INVALID_ARGUMENT for what is no question, NOT_FOUND for its image */
export async function answer(served: Served, given: unknown, signal: AbortSignal): Promise<Answer> {
  const question: Question = checkContent(questionSchema, given, 'the question')
  if (question.colourMap) colourMap(question.colourMap)
  const { model, gallery, patterns } = served
  const { input } = gallery.at(question.image)
  const options = optionsOf(question, served.choices)
  const begun = performance.now()
  const found = await explain(model, input, { ...options, patterns, conservation: true, signal })
  const milliseconds = performance.now() - begun
  const { view, colourMap: map, quantile } = question
  const heatmap = { colourMap: map, quantile }
  const [[, panel] = []] = drawMaps(model, { input, names: [''] }, found, { views: [view], heatmap })
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
      ...asked(options, RULE_SETTINGS),
      ...flagsOf(question)
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

/** Which output, and how the map is drawn, as the command line is told; what it does by itself is left out. */
function flagsOf({ target, view, colourMap, quantile }: Question): Asked {
  const own = { target: target === 'argmax' ? undefined : target, views: view === 'heatmap' ? undefined : view }
  return asked({ ...own, colourMap, quantile }, ['target', 'views', 'colourMap', 'quantile'])
}

function numbersOf(
  model: Model,
  { logits, targets, relevance, conservationError }: Explanation
): Pick<Answer, 'target' | 'outputs' | 'sum' | 'conservationError'> {
  const target = targets[0]!
  const probabilities = model.task === 'regression' ? undefined : softmax(logits)
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
