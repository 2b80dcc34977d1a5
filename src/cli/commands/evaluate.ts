import { join } from 'node:path'
import * as z from 'zod'
import { LrpError } from '../../core/errors.js'
import { entriesOf, option, valueAt, withoutDefault } from '../../core/option.js'
import { defaultText } from '../../core/option-text.js'
import { optionError } from '../../core/options.js'
import { evaluate } from '../../evaluate/evaluate.js'
import type { MethodChoice } from '../../evaluate/methods.js'
import { methodsWith } from '../../evaluate/named-methods.js'
import { evaluateOptions, scoreMapsOptions } from '../../evaluate/options.js'
import { scoreMaps } from '../../evaluate/score-maps.js'
import { explainOptions } from '../../explain/options.js'
import { nounOf } from '../../model/input-kind.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import { defineCommand, MODEL, type Call } from '../command.js'
import { commonOptions } from '../context.js'
import { downloadProgress } from '../data-progress.js'
import { evaluationTable, meanLine } from '../evaluate-text.js'

/** How the one method explains that is not named by `--rules`. */
const methodOptions = explainOptions
  .omit({ region: true, box: true, reference: true, against: true }) // what is explained is the same for all methods
  .omit({ target: true, targets: true, together: true, layers: true, patterns: true, seed: true, batchSize: true })
  .extend({
    rule: withoutDefault(explainOptions.shape.rule),
    rules: option(z.array(z.string()).min(1), {
      help: 'rules, composites, methods and JSON files of rules to compare, separated by commas; an option such as --gamma applies to every compared rule that has this parameter',
      group: 'how',
      unit: 'names',
      default: defaultText(entriesOf(evaluateOptions.pick({ methods: true }))[0]!).replaceAll(' ', ','),
      commas: true
    })
  })

const { input, attribution } = scoreMapsOptions.shape
/** `--attribution` decides whether maps are given. */
const mapsOptions = scoreMapsOptions.extend({
  input: input.optional().meta({ ...input.meta(), flag: false }),
  attribution: attribution.optional().meta(attribution.meta()!)
})

interface Mode {
  name: string
  options: z.ZodObject[]
}

const MAPS: Mode = { name: 'with --attribution', options: [mapsOptions, evaluateOptions.pick({ input: true })] }
const METHODS: Mode = { name: 'when comparing methods', options: [methodOptions, evaluateOptions] }
const ALWAYS = [oneInputOptions, commonOptions]

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, methodOptions, evaluateOptions, mapsOptions],
  examples: [
    'evaluate --rules epsilon,alpha2beta1,epsilon-plus,gradient,random --limit 50',
    'evaluate mlp-digits --rules epsilon,gamma --fill inpaint --patch-size 2 --metrics all',
    'evaluate mlp-digits --input x.npy --attribution a.npy --metrics all --json',
    'evaluate mlp-digits --input x.npy --attribution a.npy --mask m.npy --metrics sparseness,pointing_game'
  ],
  run: (call) => {
    const withMaps = call.given(mapsOptions).attribution !== undefined
    if (withMaps) refuseIdle(call, MAPS, METHODS)
    else refuseIdle(call, METHODS, MAPS)
    return withMaps ? scoreGivenMaps(call) : compareMethods(call)
  }
})

/** @throws LrpError INVALID_ARGUMENT for a flag that was given and has no effect in the mode that runs */
function refuseIdle({ given }: Call<unknown>, mode: Mode, other: Mode): void {
  const known = new Set([...mode.options, ...ALWAYS].flatMap((schema) => entriesOf(schema)).map(({ flag }) => flag))
  for (const schema of other.options)
    for (const { path, flag } of entriesOf(schema))
      if (flag !== undefined && !known.has(flag) && valueAt(given(schema), path) !== undefined)
        throw new LrpError('INVALID_ARGUMENT', `--${flag} has no effect ${mode.name}, only ${other.name}`)
}

async function scoreGivenMaps({
  argument,
  given,
  output,
  context: { signal }
}: Call<string | undefined>): Promise<void> {
  const { attribution: maps, input: _, ...options } = given(mapsOptions)
  const [images] = given(evaluateOptions).input ?? []
  if (images === undefined || maps === undefined)
    throw new LrpError('INVALID_ARGUMENT', '--attribution needs the explained images: pass --input x.npy')
  using model = await Model.load(argument, given(oneInputOptions))
  const noun = nounOf(model.inputKind)
  const { onProgress, done } = output.meter(`${noun}s`)
  const onNote = (note: string): void => output.note(note)
  const asked = { ...options, input: images, attribution: maps, onNote, onProgress, signal }
  const scores = await scoreMaps(model, asked).finally(done)
  output.result(
    scores,
    Object.entries(scores).map(([metric, values]) => meanLine(metric, values, noun))
  )
}

async function compareMethods({
  argument,
  given,
  output,
  context: { signal }
}: Call<string | undefined>): Promise<void> {
  using model = await Model.load(argument, given(oneInputOptions))
  const { onProgress, done } = output.meter('steps')
  const options = given(evaluateOptions)
  const folder = options.output ?? model.experiment?.path('evaluation') ?? join('evaluation', model.name)
  const asked = { ...options, methods: await methodsOf(model, given(methodOptions)), output: folder }
  const shown = { onDownload: downloadProgress(output), onProgress, signal }
  const evaluation = await evaluate(model, { ...asked, ...shown }).finally(done)
  output.result({ ...evaluation, folder }, [
    ...evaluationTable(evaluation, nounOf(model.inputKind)),
    `written to ${folder}`
  ])
}

/** Those that `--rules a,b,c` names, with the settings of the other flags; or the one method that the flags describe. */
async function methodsOf(
  model: Model,
  { rules, ...rest }: z.input<typeof methodOptions>
): Promise<MethodChoice[] | undefined> {
  if (rules === undefined) return Object.keys(rest).length === 0 ? undefined : [rest]
  const other = ['rule', 'composite', 'method'].find((name) => name in rest)
  if (other !== undefined)
    throw optionError(other, ' cannot be combined with --rules, which names the methods to compare')
  return methodsWith(model, rules, rest)
}
