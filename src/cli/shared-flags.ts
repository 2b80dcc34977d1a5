import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { DataOptions } from '../data/open.js'
import { LrpError } from '../core/errors.js'
import { withoutUndefined } from '../core/options.js'
import { unknownName } from '../core/suggest.js'
import type { ExplainOptions, Target } from '../explain/explain.js'
import { RULE_SETTINGS } from '../explain/settings.js'
import type { Model } from '../model/model.js'
import type { StateDict } from '../core/tensor.js'
import { collect, realNumber, wholeNumber, type CommonFlags } from './context.js'

export interface DataFlags {
  data?: string
  dataPath?: string
  validSplit?: number
  testSplit?: number
  imageSize?: number[]
  channels?: number
  strict?: boolean
  cache?: string
}

/** Where images come from. */
export function withDataFlags(command: Command): Command {
  return command
    .option('--data <name>', 'data set (lrp-native data lists them); digits, which are shipped, by default')
    .option(
      '--data-path <folder>',
      'where the data lies: a folder of class folders, idx files, CIFAR, a CSV file, arrays'
    )
    .option(
      '--image-size <pixels...>',
      'height and width that all images get; files: by default those of the first',
      collect(wholeNumber('--image-size', 1))
    )
    .option(
      '--channels <number>',
      '1: all images grey, 3: in colours, grey ones three times',
      wholeNumber('--channels', 1)
    )
    .option('--valid-split <share>', 'share of the training images that validates (0.1)', realNumber('--valid-split'))
    .option(
      '--test-split <share>',
      'share that tests, where no test images are given (0.1)',
      realNumber('--test-split')
    )
    .option('--strict', 'an unreadable image is an error instead of being left out')
    .option('--cache <how>', 'image files: auto, memory, or none to read them again in every epoch')
}

/** Undefined flags are left out, so that what a data set or an experiment knows is not overwritten by them. */
export function dataOptions(flags: DataFlags & CommonFlags): DataOptions {
  const [height, width = height, ...more] = flags.imageSize ?? []
  if (more.length > 0) {
    const count = flags.imageSize!.length
    throw new LrpError('INVALID_ARGUMENT', `--image-size takes one number, or height and width, not ${count}`)
  }
  if (flags.channels !== undefined && flags.channels !== 1 && flags.channels !== 3) {
    throw new LrpError('INVALID_ARGUMENT', `--channels must be 1 or 3, not ${flags.channels}`)
  }
  const options: DataOptions = {
    data: flags.data,
    dataPath: flags.dataPath,
    validSplit: flags.validSplit,
    testSplit: flags.testSplit,
    seed: flags.seed,
    strict: flags.strict,
    cache: flags.cache as DataOptions['cache'],
    channels: flags.channels as 1 | 3 | undefined,
    imageSize: height === undefined ? undefined : [height, width!]
  }
  return withoutUndefined(options)
}

export interface ModelFlags {
  experiments?: string
  preprocess?: string
  architecture?: string
  classes?: string
  inputShape?: number[]
}

/** Which model, and how its images are prepared. */
export function withModelFlags(command: Command): Command {
  return command
    .argument('[model]', 'experiment (folder or name) or model file; by default the newest experiment')
    .option('--experiments <folder>', 'where experiments lie', 'experiments')
    .option('--architecture <name>', 'network of a file that holds weights alone: .pth, .pt, .th, .safetensors')
    .option('--preprocess <name>', 'imagenet, cifar, none or a JSON file, instead of what is stored with the model')
    .option(
      '--input-shape <axes...>',
      'channels, height and width of the images, for networks that take any size',
      collect(wholeNumber('--input-shape', 1))
    )
    .option('--classes <file>', 'names of the classes: imagenet, a text file or JSON, instead of those stored')
}

/** The model that is meant, and its experiment where it belongs to one. */
export async function openModel(
  name: string | undefined,
  flags: ModelFlags & CommonFlags
): Promise<{ model: Model; experiment?: import('../experiment/experiment.js').Experiment }> {
  const { findExperiment, newestExperiment, openExperiment } = await import('../experiment/experiment.js')
  const { Model } = await import('../model/model.js')
  const { isSavedModel } = await import('../model/save.js')
  const { isPublishedFolder } = await import('../model/import/folder.js')
  const { existsSync, statSync } = await import('node:fs')
  const root = flags.experiments
  const options = {
    experimentsRoot: root,
    preprocess: flags.preprocess,
    architecture: flags.architecture,
    classes: flags.classes,
    inputShape: flags.inputShape as [number, number, number] | undefined,
    device: flags.device
  }
  const holdsModel = (path: string): boolean =>
    existsSync(path) && (!statSync(path).isDirectory() || isSavedModel(path) || isPublishedFolder(path))
  if (name !== undefined && findExperiment(name, root) !== name && (holdsModel(name) || !findExperiment(name, root)))
    return { model: await Model.load(name, options) }
  const experiment = name === undefined ? await newestExperiment(root) : await openExperiment(name, root)
  return { experiment, model: await Model.load(experiment.folder, options) }
}

/**
 * The data set flags given, else the data set the experiment was trained on. The experiment's own data is split as it was
 * for training, however it is named.
 */
export function dataOf(
  flags: DataFlags & CommonFlags & { input?: string[] },
  experiment?: { manifest: { command: Record<string, unknown> } }
): DataOptions {
  if (flags.input && (flags.data !== undefined || flags.dataPath !== undefined))
    throw new LrpError('INVALID_ARGUMENT', 'give --input or a data set (--data, --data-path), not both')
  const asked = dataOptions(flags)
  if (!experiment) return asked
  const {
    data,
    dataPath,
    validSplit,
    testSplit = 0.1,
    imageSize,
    channels,
    seed
  } = experiment.manifest.command as DataOptions
  const other =
    (asked.data !== undefined && asked.data !== data) ||
    (asked.dataPath !== undefined && (dataPath === undefined || resolve(asked.dataPath) !== resolve(dataPath)))
  if (other) return asked
  const trained = { data, dataPath, validSplit, testSplit, imageSize, channels, splitSeed: seed }
  return { ...withoutUndefined(trained), ...asked }
}

export interface RuleFlags {
  rule?: string
  composite?: string
  rules?: string
  method?: string
  epsilon?: number
  gamma?: number
  alpha?: number
  beta?: number
  low?: number[]
  high?: number[]
  ignoreBias?: boolean
  stabiliser?: string
  start?: string
  topK?: number
  patterns?: string
  steps?: number
  noise?: number
  window?: number
  stride?: number
  camLayer?: string
  baseline?: string
  batchSize?: number
}

/** How relevance is propagated. */
export function withRuleFlags(
  command: Command,
  rules = 'JSON file that maps layers to rules (docs/rules.md)'
): Command {
  return command
    .option('--rule <name>', 'one rule for all layers (lrp-native rules lists them); epsilon by default')
    .option('--composite <name>', 'a preset that gives each kind of layer its rule (lrp-native composites lists them)')
    .option('--rules <file>', rules)
    .option(
      '--method <name>',
      'lrp, gradient, input-x-gradient, integrated-gradients, smoothgrad, occlusion, grad-cam, random'
    )
    .option('--epsilon <number>', 'stabiliser of every rule', realNumber('--epsilon'))
    .option('--gamma <number>', 'gamma of the gamma rules', realNumber('--gamma'))
    .option('--alpha <number>', 'alpha of alphabeta', realNumber('--alpha'))
    .option('--beta <number>', 'beta of alphabeta (alpha - 1)', realNumber('--beta'))
    .option('--low <numbers...>', 'lowest input value for zbox, one or one per channel', collect(realNumber('--low')))
    .option(
      '--high <numbers...>',
      'highest input value for zbox, one or one per channel',
      collect(realNumber('--high'))
    )
    .option('--ignore-bias', 'biases count as 0 in the rules')
    .option('--stabiliser <name>', 'signed, signed-below, at-zero or plain')
    .option('--start <name>', 'relevance starts from: logit, one, probability, difference')
    .option('--top-k <share>', 'keep only this share of the relevance at every layer', realNumber('--top-k'))
    .option('--patterns <file>', "fitted patterns; by default the experiment's patterns.safetensors")
    .option('--steps <number>', 'integrated-gradients, smoothgrad: steps', wholeNumber('--steps', 1))
    .option('--noise <share>', 'smoothgrad: noise as a share of the range', realNumber('--noise'))
    .option('--window <pixels>', 'occlusion: side of the covered square', wholeNumber('--window', 1))
    .option('--stride <pixels>', 'occlusion: steps of the square (its side)', wholeNumber('--stride', 1))
    .option(
      '--cam-layer <name>',
      'grad-cam: the layer whose channels are weighed (the last that every path passes through)'
    )
    .option(
      '--baseline <what>',
      'integrated-gradients, occlusion: what an absent input is: zero, black, mean, blur or a .npy file (zero)'
    )
    .option('--batch-size <number>', 'images per pass', wholeNumber('--batch-size', 1))
}

export function ruleOptions(flags: RuleFlags & CommonFlags): ExplainOptions {
  const given = RULE_SETTINGS.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]])
  return Object.fromEntries(given) as ExplainOptions
}

/** Fitted patterns: those named, else those of the experiment where the rules need some. */
export async function patternsFor(
  model: Model,
  flags: RuleFlags,
  experiment?: { path: (name: string) => string }
): Promise<{ patterns?: StateDict }> {
  const { existsSync } = await import('node:fs')
  const path = flags.patterns ?? experiment?.path('patterns.safetensors')
  if (path === undefined || (flags.patterns === undefined && !existsSync(path))) return {}
  const { loadPatterns } = await import('../explain/patterns.js')
  return { patterns: await loadPatterns(path, model) }
}

/** What --target says: classes by number or name unless it is one of the three words. */
export type GivenTarget = 'argmax' | 'label' | 'all' | string[]

/** `argmax`, `label`, `all`, `3`, `3,5`, `cat`, or `cat,dog`. */
export function parseTarget(text: string): GivenTarget {
  if (text === 'argmax' || text === 'label' || text === 'all') return text
  return text.split(',').map((part) => part.trim())
}

/** Class numbers instead of names. @throws LrpError INVALID_ARGUMENT with the nearest name for one the model does not know */
export function targetOf(model: Model, given: GivenTarget | undefined): Target | 'label' | undefined {
  if (!Array.isArray(given)) return given
  const classes = model.classes ?? []
  const numbers = given.map((one) => {
    if (/^\d+$/.test(one)) return Number(one)
    if (classes.includes(one)) return classes.indexOf(one)
    if (classes.length > 0) throw unknownName('class', one, classes)
    throw new LrpError('INVALID_ARGUMENT', `--target '${one}': the model's classes have no names, give their numbers`)
  })
  return numbers.length === 1 ? numbers[0]! : numbers
}
