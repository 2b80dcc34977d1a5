import type { Command } from 'commander'
import type { View } from '../../explain/figures.js'
import type { Format } from '../../explain/to-files.js'
import { counted } from '../../core/plural.js'
import { collect, realNumber, wholeNumber, withCommonFlags, type CliContext, type CommonFlags } from '../context.js'
import { downloadProgress, leftOut } from '../data-progress.js'
import { parseConcept } from '../concept-flag.js'
import { joinPeers, withPeerFlags, type PeerFlags } from '../peer-flags.js'
import {
  dataOf,
  openModel,
  parseTarget,
  patternsFor,
  ruleOptions,
  targetOf,
  withDataFlags,
  withModelFlags,
  withRuleFlags,
  type DataFlags,
  type GivenTarget,
  type ModelFlags,
  type RuleFlags
} from '../shared-flags.js'

interface Flags extends CommonFlags, DataFlags, ModelFlags, RuleFlags, PeerFlags {
  input?: string[]
  split?: 'train' | 'valid' | 'test'
  limit?: number
  target?: GivenTarget
  together?: boolean
  layers?: string[]
  concept?: Record<string, number[]>
  exclusive?: boolean
  output?: string
  format?: Format[]
  colourMap?: string
  quantile?: number
  scale?: 'image' | 'batch' | number
  asymmetric?: boolean
  views?: View[]
  wide?: boolean
  compare?: string[]
  dryRun?: boolean
}

/** `lrp-native explain` */
export function register(program: Command, context: CliContext): void {
  const command = program
    .command('explain')
    .description('Explain decisions: relevance of every pixel, as heat maps and arrays.')
  withPeerFlags(withDataFlags(withRuleFlags(withModelFlags(command))))
    .option('--input <paths...>', 'images, folders of images, or one .npy file (taken as it is)')
    .option('--split <name>', 'train, valid or test')
    .option('--limit <number>', 'at most so many images (10 of a data set)', wholeNumber('--limit', 1))
    .option('--target <class>', 'argmax, label, all, or classes by number or name: 3, 3,5, cat', parseTarget)
    .option('--together', 'several targets start one map together')
    .option('--layers <names...>', 'also write the relevance at these layers, or at all', collect(String))
    .option(
      '--concept <layer:channels>',
      'only relevance that passes these channels of a layer: 3:5,9; once for each layer',
      parseConcept
    )
    .option('--exclusive', '--concept: and no relevance by paths round the layer')
    .option('--output <folder>', "where results go; by default the experiment's explanations/<rule>/")
    .option('--format <formats...>', 'png, svg, npy, npz, html (png)', collect(String))
    .option('--colour-map <name>', 'red-blue, bwr, seismic, coldnhot, hot, afmhot, viridis')
    .option('--quantile <share>', 'share of magnitudes below the strongest colour (1)', realNumber('--quantile'))
    .option('--scale <scale>', 'strongest colour: of each image, of the batch, or a relevance (image)', parseScale)
    .option('--asymmetric', 'colours from the lowest to the highest relevance instead of about zero')
    .option('--views <names...>', 'how maps are shown: heatmap, overlay, contours (heatmap)', collect(String))
    .option(
      '--compare <names...>',
      'also a grid of these rules, composites and methods beside this one',
      collect(String)
    )
    .option('--wide', 'also all images side by side in one wide picture, above their maps')
    .option('--dry-run', 'only print which layer gets which rule')
  withCommonFlags(command, [
    'explain --rule alpha2beta1',
    'explain --composite epsilon-plus --target all --format png,npy',
    'explain --composite epsilon-plus --concept layer3.2.conv2:22,54',
    'explain mlp-digits --input digit.png --rule gamma --gamma 0.5',
    'explain path/to/model --composite epsilon-plus-flat --input photo.jpg --preprocess imagenet'
  ])
  command.action((model: string | undefined, flags: Flags) => runExplain(model, flags, context))
}

async function runExplain(name: string | undefined, flags: Flags, context: CliContext): Promise<void> {
  const output = await context.begin(flags, { shared: true })
  const { group, device } = await joinPeers(flags)
  const { model, experiment } = await openModel(name, { ...flags, device })
  try {
    if (flags.dryRun) return await printPlan(model, flags, output)
    const { explainToFiles } = await import('../../explain/to-files.js')
    const { join } = await import('node:path')
    const method =
      flags.method && flags.method !== 'lrp'
        ? flags.method
        : (flags.rule ?? flags.composite ?? (flags.rules ? 'custom' : 'epsilon'))
    const folder = flags.output ?? experiment?.path('explanations', method) ?? join('explanations', method)
    const progress = output.progress(1, 'images')
    const result = await explainToFiles(model, {
      ...ruleOptions(flags),
      ...(await patternsFor(model, flags, experiment)),
      ...dataOf(flags, experiment),
      onDownload: downloadProgress(output),
      input: flags.input,
      split: flags.split,
      limit: flags.limit,
      target: targetOf(model, flags.target),
      together: flags.together,
      concepts: flags.concept,
      exclusive: flags.exclusive,
      layers: flags.layers?.[0] === 'all' ? 'all' : flags.layers,
      format: flags.format,
      heatmap: {
        colourMap: flags.colourMap,
        quantile: flags.quantile,
        scale: flags.scale,
        ...(flags.asymmetric && { symmetric: false })
      },
      views: flags.views,
      wide: flags.wide,
      compare: flags.compare,
      output: folder,
      group,
      onProgress: (done, total) => progress.updateLine(done, total),
      signal: context.signal
    }).finally(() => progress.stop())
    const { summary, files, names, doneBefore, skipped } = result
    if (skipped.length > 0) output.note(leftOut(skipped))
    const { method: explainedBy, target, milliseconds, warnings } = summary
    if (doneBefore > 0) output.note(`went on after ${counted(doneBefore, 'image')} done before`)
    for (const warning of warnings) output.note(`note: ${warning}`)
    const json = { method: explainedBy, folder, files, images: names, targets: target, milliseconds, warnings }
    output.result(json, [
      `explained ${counted(names.length, 'image')} by ${explainedBy} in ${milliseconds.toFixed(0)} ms`,
      `written to ${folder}`
    ])
  } finally {
    model.dispose()
  }
}

async function printPlan(
  model: import('../../model/model.js').Model,
  flags: Flags,
  output: import('../context.js').Output
): Promise<void> {
  const { planRules } = await import('../../explain/explain.js')
  const { describeRule } = await import('../../explain/summary.js')
  const { name, rules } = await planRules(model, ruleOptions(flags))
  const ops = new Map(model.graph.nodes.map((node) => [node.name, node.op]))
  const width = Math.max(...rules.map(({ node }) => node.length))
  output.result(
    { name, rules },
    rules.map((rule) => `${rule.node.padEnd(width)}  ${ops.get(rule.node)!.padEnd(20)}  ${describeRule(rule)}`)
  )
}

function parseScale(text: string): 'image' | 'batch' | number {
  return text === 'image' || text === 'batch' ? text : realNumber('--scale')(text)
}
