import * as z from 'zod'
import { duration } from '../../core/duration.js'
import { option, pickOptions } from '../../core/option.js'
import { optionError } from '../../core/options.js'
import { loadSharp } from '../../core/sharp.js'
import { counted } from '../../core/plural.js'
import { againOptions, explainAgain } from '../../explain/again.js'
import { planRules } from '../../explain/prepare.js'
import { estimateRun, type RunEstimate } from '../../explain/estimate.js'
import { explainToFilesOptions, inputOptions, type ExplainToFilesOptions } from '../../explain/file-options.js'
import { explainOptions } from '../../explain/options.js'
import { describeImage, describeRule } from '../../explain/summary.js'
import { explainToFiles, type ExplainedFiles } from '../../explain/to-files.js'
import { nounOf } from '../../model/input-kind.js'
import { Model } from '../../model/model.js'
import { loadOptions } from '../../model/options.js'
import { provenanceOf } from '../../model/provenance.js'
import { whilePreloading } from '../../native/libraries.js'
import { defineCommand, MODEL } from '../command.js'
import { commonOptions, type Output } from '../context.js'
import { downloadProgress, leftOut } from '../data-progress.js'
import { trustLines } from '../trust-text.js'

const options = z.strictObject({
  dryRun: option(z.boolean(), {
    help: 'only print the rule of each layer and the estimated time and memory of the run',
    group: 'output'
  }),
  again: option(z.string(), {
    help: 'explain.json file of the explanation to repeat; the command compares the new maps with the recorded maps; the model and the images must be unchanged',
    group: 'output',
    unit: 'file'
  })
})

const SHOWN_PREDICTIONS = 5

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [loadOptions, explainToFilesOptions, options],
  examples: [
    'explain --rule alpha2beta1',
    'explain --composite epsilon-plus --target all --format png,npy',
    'explain --rule epsilon --check',
    'explain --again experiments/mlp-digits/explanations/epsilon/explain.json',
    'explain path/to/model --concept layer3.2.conv2:22,54 --input photo.jpg',
    'explain mlp-digits --input digit.png --rule gamma --gamma 0.5',
    'explain efficientnet_lite0 --input photo.jpg',
    'explain path/to/model --composite epsilon-plus-flat --input photo.jpg --preprocess imagenet'
  ],
  shared: true,
  run: async ({ argument, given, group, output, context }) => {
    const { signal } = context
    const asked = given(explainToFilesOptions)
    const { again, dryRun } = given(options)
    const run = { onDownload: downloadProgress(output), group, signal }
    if (again !== undefined) {
      const { onProgress, done } = output.meter('inputs')
      const changes = { ...given(loadOptions), ...asked, ...given(commonOptions.pick({ threads: true })) }
      const other = [...Object.keys(changes), ...(dryRun ? ['dryRun'] : [])].find(
        (name) => !(name in againOptions.shape)
      )
      if (other !== undefined)
        throw optionError(other, ' cannot be combined with --again, whose file contains all settings')
      const result = await explainAgain(again, argument, { ...changes, ...run, onProgress }).finally(done)
      const { differing, names } = result
      print(result, 'input', output, { differing }, differing.length > 0 ? [] : ['the maps are bit-identical'])
      if (differing.length === 0) return
      const some = `${differing.length} of ${counted(names.length, 'input')}; the first is ${differing[0]}`
      context.stderr.write(`lrp-native: the maps differ from the maps of ${again} for ${some}\n`)
      context.status = 1
      return
    }
    whilePreloading(loadSharp)
    using model = await Model.load(argument, given(loadOptions))
    if (dryRun) return await printPlan(model, asked, output)
    const noun = nounOf(model.inputKind)
    const { onProgress, done } = output.meter(`${noun}s`)
    const result = await explainToFiles(model, { ...asked, ...run, onProgress }).finally(done)
    const { trust } = result.summary
    print(result, noun, output, {}, asked.check && trust ? [trust.sentence, ...trustLines(trust)] : [])
  }
})

/** @param noun what one input is called */
function print(result: ExplainedFiles, noun: string, output: Output, more: object, lines: string[]): void {
  const { summary, folder, files, names: images, doneBefore, replaced, skipped } = result
  const { method, target: targets, milliseconds, warnings, trust, rules, provenance } = summary
  if (skipped.length > 0) output.note(leftOut(skipped))
  if (doneBefore > 0) output.note(`continued: an earlier run had finished ${counted(doneBefore, noun)}`)
  if (replaced)
    output.note(
      `note: this replaced an explanation with other settings in ${folder}: to keep both, pass another folder with --output`
    )
  for (const warning of warnings) output.note(`note: ${warning}`)
  const isSaid = trust?.verdict === 'trustworthy' || lines.includes(trust?.sentence ?? '')
  if (trust && !isSaid) output.note(`note: ${trust.sentence}`)
  const predictions = summary.images.map((image) => `${image.name}: ${describeImage(image)}`)
  const further = predictions.length - SHOWN_PREDICTIONS
  const found = { method, folder, files, images, targets, predictions, milliseconds, warnings }
  output.result({ ...found, trust, rules, provenance, ...more }, [
    ...predictions.slice(0, SHOWN_PREDICTIONS),
    ...(further > 0 ? [`and ${further} more, in explain.json`] : []),
    `explained ${counted(images.length, noun)} by ${method} in ${duration(milliseconds)}`,
    ...lines,
    `written to ${folder}`
  ])
}

async function printPlan(model: Model, asked: ExplainToFilesOptions, output: Output): Promise<void> {
  const how = pickOptions(explainOptions, asked)
  const { name, rules } = await planRules(model, how)
  const estimate = await estimateRun(model, pickOptions(inputOptions, asked), how)
  const folded = new Set(await model.folded())
  const ops = new Map(model.graph.nodes.map((node) => [node.name, node.op]))
  const width = Math.max(...rules.map(({ node }) => node.length))
  const provenance = await provenanceOf(model)
  output.result({ name, rules, estimate, provenance }, [
    ...rules.map(
      (rule) =>
        `${rule.node.padEnd(width)}  ${ops.get(rule.node)!.padEnd(20)}  ${folded.has(rule.node) ? 'folded' : describeRule(rule)}`
    ),
    estimateLine(estimate, nounOf(model.inputKind))
  ])
}

function estimateLine({ images, passes, memoryBytes, secondsPerImage }: RunEstimate, noun: string): string {
  const [size, unit] = memoryBytes < 1e8 ? [1e6, 'MB'] : [1e9, 'GB']
  const memory = `about ${(memoryBytes / size).toPrecision(2)} ${unit} of memory`
  if (images === undefined)
    return `about ${secondsPerImage.toPrecision(2)} s per ${noun} and ${memory}; no ${noun}s were given`
  const seconds = (images * secondsPerImage).toPrecision(2)
  return `${counted(images, noun)} in ${counted(passes!, 'pass', 'passes')}: about ${seconds} s and ${memory}`
}
