import * as z from 'zod'
import { callback, option, programOnly, signalOption } from '../core/option.js'
import { optionError } from '../core/options.js'
import type { StateDict } from '../core/tensor.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import { alsoComputing, METHODS, readBy, WITH_BASELINE } from './methods.js'
import { ruleChoice, ruleParameters } from '../rules/options.js'
import { targetOptions, tensor } from './targets/options.js'

export const STARTS = ['logit', 'one', 'probability', 'softmax-gradient', 'activation'] as const
/**
 * The initial relevance: the logit (default), 1, the probability, the gradient of the log-probability, or the
 * activation of concepts.
 */
export type Start = (typeof STARTS)[number]

const LRP = { method: ['lrp'] }
/** Options of `explain`. */
export const explainOptions = z.strictObject({
  ...targetOptions.shape,
  together: option(z.boolean(), {
    help: 'explain several targets in a single map, instead of drawing one map for each target',
    group: 'what',
    only: LRP
  }),
  start: option(z.enum(STARTS), {
    help: 'initial relevance of the target: its logit (logit), 1 (one), its probability (probability), the gradient of its log-probability as in contrastive LRP (softmax-gradient), or the activation of the channels of --concept (activation)',
    group: 'what',
    default: 'logit',
    only: LRP
  }),
  concepts: option(z.record(z.string(), z.array(z.int().min(0)).min(1)), {
    help: "channels to explain in a layer; the relevance of the layer's other channels is set to 0 (Achtibat et al. 2023)",
    group: 'what',
    unit: 'layer:channels',
    flag: 'concept',
    read: conceptsOf,
    write: textsOfConcepts,
    only: LRP
  }),
  exclusive: option(z.boolean(), {
    help: 'propagate relevance to the input only through the layers that --concept names',
    group: 'what',
    only: LRP
  }),
  channelLayers: option(z.array(z.string()), {
    help: 'names of layers; the result contains the relevance and the activation of each of their channels, reduced over all positions',
    group: 'what',
    flag: false,
    only: LRP
  }),
  layers: option(z.union([z.literal('all'), z.array(z.string())]), {
    help: 'also compute the relevance at the outputs of the named layers, or of all layers (all)',
    group: 'what',
    unit: 'names',
    commas: true,
    only: { method: alsoComputing('layers') }
  }),
  method: option(z.enum(METHODS).default('lrp'), { help: 'LRP or another explanation method', group: 'how' }),
  ...ruleChoice.shape,
  ...ruleParameters.shape,
  topK: option(z.number().gt(0).max(1), {
    help: "share of each image's relevance values to keep at the output of every weighted layer; the values with the largest magnitudes are kept, and the others become 0",
    group: 'how',
    unit: 'share',
    only: LRP
  }),
  patterns: option(
    z.union([z.string(), z.custom<StateDict>((value) => value instanceof Map, 'must be a file or a map of tensors')]),
    {
      help: 'file with the fitted patterns that the rules patternnet and patternattribution need',
      group: 'how',
      unit: 'file',
      files: 'settings',
      default: "patterns.safetensors in the experiment's folder"
    }
  ),
  steps: option(z.int().min(1), {
    help: 'number of points on the path of integrated-gradients, or number of noisy samples of smoothgrad',
    group: 'how',
    ...readBy('steps')
  }),
  noise: option(z.number().min(0), {
    help: "standard deviation of the noise of smoothgrad, as a fraction of each image's range of values",
    group: 'how',
    unit: 'fraction',
    ...readBy('noise')
  }),
  window: option(z.int().min(1), {
    help: 'side length of the square patch that occlusion moves over the image',
    group: 'how',
    unit: 'pixels',
    ...readBy('window')
  }),
  stride: option(z.int().min(1), {
    help: 'distance between neighbouring positions of the occlusion patch',
    group: 'how',
    unit: 'pixels',
    ...readBy('stride'),
    default: 'the side length of the patch'
  }),
  camLayer: option(z.string(), {
    help: 'layer to which grad-cam is applied',
    group: 'how',
    unit: 'name',
    ...readBy('camLayer'),
    default: 'the last layer that is on every path from input to output and whose output has a height and a width'
  }),
  baseline: option(z.string(), {
    help: 'uninformative input for integrated-gradients and occlusion: zero, black, mean, blur or a .npy file',
    group: 'how',
    unit: 'name',
    files: 'settings',
    default: 'zero',
    only: { method: WITH_BASELINE }
  }),
  attentionHeads: option(z.boolean(), {
    help: 'also compute the relevance of every token and every attention head of a transformer',
    group: 'what',
    only: { method: alsoComputing('heads') }
  }),
  conservation: option(z.boolean(), {
    help: 'also report the relevance that biases and stabilisers absorb in each layer',
    group: 'how',
    flag: false
  }),
  seed: option(z.union([z.int().min(0), tensor]), {
    help: 'seed for all random numbers',
    inPrograms: 'also a tensor with the initial relevance, in the shape of the output',
    group: 'machine',
    unit: 'number',
    default: readBy('seed').default
  }),
  batchSize: option(z.int().min(1), {
    help: 'number of images in a batch',
    group: 'machine',
    unit: 'images',
    default: 'chosen to limit memory use'
  }),
  group: programOnly<ProcessGroup>(
    (value) => typeof (value as ProcessGroup | null)?.gather === 'function',
    'the result of joinProcessGroup',
    'process group that shares the images; each process gets the whole result'
  ),
  onProgress: callback<(done: number, total: number) => void>(
    'called with the number of images done and the total number of images'
  ),
  signal: signalOption
})

/** Options of `explain`: rule, composite or method, target, layers (docs/options.md). */
export type ExplainOptions = z.input<typeof explainOptions>
export type { Target } from './targets/options.js'

/** `LAYER:CHANNEL[,CHANNEL]`, once for each layer. */
function conceptsOf(texts: string[]): Record<string, number[]> | string {
  const concepts: Record<string, number[]> = {}
  for (const text of texts) {
    const [, layer, list] = /^(.+):(\d+(?:,\d+)*)$/.exec(text.trim()) ?? []
    if (layer === undefined || list === undefined)
      throw optionError('concept', ` must be LAYER:CHANNEL[,CHANNEL], such as layer3:5,9 (got '${text}')`)
    concepts[layer] = [...(concepts[layer] ?? []), ...list.split(',').map(Number)]
  }
  return concepts
}

function textsOfConcepts(concepts: Record<string, number[]>): string[] {
  return Object.entries(concepts).map(([layer, channels]) => `${layer}:${channels.join(',')}`)
}
