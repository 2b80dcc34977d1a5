import { z } from 'zod'
import { option, pickOptions } from '../../core/option.js'
import { counted } from '../../core/plural.js'
import { planRules } from '../../explain/explain.js'
import { estimateRun, type RunEstimate } from '../../explain/estimate.js'
import { explainToFilesOptions, inputOptions, type ExplainToFilesOptions } from '../../explain/file-options.js'
import { explainOptions } from '../../explain/options.js'
import { describePrediction, describeRule } from '../../explain/summary.js'
import { explainToFiles } from '../../explain/to-files.js'
import { Model } from '../../model/model.js'
import { loadOptions } from '../../model/options.js'
import { defineCommand, MODEL } from '../command.js'
import type { Output } from '../context.js'
import { downloadProgress, leftOut } from '../data-progress.js'

const options = z.strictObject({
  dryRun: option(z.boolean(), {
    help: 'only print which layer gets which rule, and what the run would take',
    group: 'output'
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
    'explain path/to/model --concept layer3.2.conv2:22,54 --input photo.jpg',
    'explain mlp-digits --input digit.png --rule gamma --gamma 0.5',
    'explain efficientnet_lite0 --input photo.jpg',
    'explain path/to/model --composite epsilon-plus-flat --input photo.jpg --preprocess imagenet'
  ],
  shared: true,
  run: async ({ argument, given, group, output, context: { signal } }) => {
    using model = await Model.load(argument, given(loadOptions))
    const asked = given(explainToFilesOptions)
    if (given(options).dryRun) return await printPlan(model, asked, output)
    const { onProgress, done } = output.meter('images')
    const onDownload = downloadProgress(output)
    const result = await explainToFiles(model, { ...asked, onDownload, group, onProgress, signal }).finally(done)
    const { summary, folder, files, names, doneBefore, skipped } = result
    const { method, target, milliseconds, warnings, trust, rules, provenance } = summary
    if (skipped.length > 0) output.note(leftOut(skipped))
    if (doneBefore > 0) output.note(`continued after ${counted(doneBefore, 'image')} done before`)
    for (const warning of warnings) output.note(`note: ${warning}`)
    const images = names
    const predictions = summary.images.map((image) => `${image.name}: ${describePrediction(image)}`)
    const found = { method, folder, files, images, targets: target, predictions }
    output.result({ ...found, milliseconds, warnings, trust, rules, provenance }, [
      ...predictions.slice(0, SHOWN_PREDICTIONS),
      `explained ${counted(names.length, 'image')} by ${method} in ${milliseconds.toFixed(0)} ms`,
      ...(asked.check && trust ? [trust.sentence] : []),
      `written to ${folder}`
    ])
  }
})

async function printPlan(model: Model, asked: ExplainToFilesOptions, output: Output): Promise<void> {
  const how = pickOptions(explainOptions, asked)
  const { name, rules } = await planRules(model, how)
  const estimate = await estimateRun(model, pickOptions(inputOptions, asked), how)
  const folded = new Set(await model.folded())
  const ops = new Map(model.graph.nodes.map((node) => [node.name, node.op]))
  const width = Math.max(...rules.map(({ node }) => node.length))
  output.result({ name, rules, estimate }, [
    ...rules.map(
      (rule) =>
        `${rule.node.padEnd(width)}  ${ops.get(rule.node)!.padEnd(20)}  ${folded.has(rule.node) ? 'folded' : describeRule(rule)}`
    ),
    estimateLine(estimate)
  ])
}

function estimateLine({ images, passes, memoryBytes, secondsPerImage }: RunEstimate): string {
  const memory = `about ${(memoryBytes / 1e9).toPrecision(2)} GB of memory`
  if (images === undefined)
    return `about ${secondsPerImage.toPrecision(2)} s an image and ${memory}; no images are named`
  const seconds = (images * secondsPerImage).toPrecision(2)
  return `${counted(images, 'image')} in ${counted(passes!, 'pass', 'passes')}: about ${seconds} s and ${memory}`
}
