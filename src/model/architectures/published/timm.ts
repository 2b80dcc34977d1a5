import { LrpError } from '../../../core/errors.js'
import type { StateDict } from '../../../core/tensor.js'
import type { Architecture } from '../../builder.js'
import { resnet } from '../resnet.js'
import { buildConvnext } from './convnext.js'
import type { PublishedNetwork } from './hugging-face.js'
import type { Config } from './read-config.js'
import { Shapes } from './shapes.js'
import { buildRegnet } from './regnet.js'
import { buildSwin } from './swin.js'
import { timmEfficientnet, timmMobilenet } from './timm-inverted.js'
import { buildVit, tokenClassifiers } from './vit.js'

type ImageShape = [number, number, number]
type Build = (name: string, weights: Shapes, imageShape: ImageShape, config: Config) => Architecture | PublishedNetwork

/** timm's networks by what their names look like. Sizes are read from the weights. */
const NETWORKS: [RegExp, Build][] = [
  [/^(vit|deit)_(tiny|small|base|large)(_distilled)?_patch\d+_\d+$/, vit],
  [/^(resnet(18|34|50|101|152)|wide_resnet50_2|resnext50_32x4d)$/, timmResnet],
  [/^swin_(tiny|small|base|large)_patch\d+_window\d+_\d+$/, swin],
  [/^(tf_)?efficientnet_(b[0-8]|l2|lite[0-4])$/, timmEfficientnet],
  [/^(tf_)?mobilenetv3_(small|large)_\d+$/, timmMobilenet],
  [/^regnet[xy]_\d+$/, timmRegnet],
  [/^convnext_(atto|femto|pico|nano|tiny|small|base|large|xlarge)$/, convnext]
]

const GELU: [string, Record<string, string>] = ['gelu', {}]

/**
 * A network of timm by its `config.json` and its weights.
 * @throws LrpError UNSUPPORTED for another network
 */
export function timmNetwork(config: Config, weights: StateDict, imageShape: ImageShape): PublishedNetwork {
  const name = config.text('architecture').replace(/\..*$/, '')
  config.only('global_pool', 'avg', 'token', '')
  const found = NETWORKS.find(([pattern]) => pattern.test(name))
  if (!found) {
    const known =
      'vit, deit, swin, resnet, wide_resnet50_2, resnext50_32x4d, convnext, efficientnet, mobilenetv3 and regnet'
    throw new LrpError('UNSUPPORTED', `${config.path} describes ${name}, which is not supported: choose from ${known}`)
  }
  const built = found[1](name, new Shapes(weights, config.path), imageShape, config)
  return 'architecture' in built ? built : { architecture: built }
}

function vit(name: string, weights: Shapes, imageShape: ImageShape, config: Config): Architecture {
  const [width = 0, , ...patch] = weights.of('patch_embed.proj.weight')
  const isDistilled = weights.has('dist_token')
  return buildVit({
    name,
    imageShape,
    width,
    patch: patch as [number, number],
    layers: weights.count('blocks'),
    heads: config.inner('model_args', 'num_heads') ?? width / 64,
    hidden: weights.of('blocks.0.mlp.fc1.weight')[0]!,
    eps: 1e-6,
    qkvBias: weights.has('blocks.0.attn.qkv.bias'),
    activation: GELU,
    head: tokenClassifiers(
      { norm: 'norm', eps: 1e-6, classes: weights.of('head.weight')[0]! },
      isDistilled ? ['head', 'head_dist'] : ['head']
    ),
    names: {
      patches: 'patch_embed.proj',
      learnt: isDistilled ? ['cls_token', 'dist_token'] : ['cls_token'],
      positions: 'pos_embed',
      layer: (i) => {
        const at = `blocks.${i}`
        const weights = { norm1: `${at}.norm1`, norm2: `${at}.norm2`, qkv: `${at}.attn.qkv`, out: `${at}.attn.proj` }
        return { at, weights: { ...weights, mlp: [`${at}.mlp.fc1`, `${at}.mlp.fc2`] } }
      }
    }
  })
}

function timmResnet(name: string, weights: Shapes, imageShape: ImageShape): Architecture {
  return resnet(name)({ classes: weights.of('fc.weight')[0]!, imageShape })
}

function convnext(name: string, weights: Shapes, imageShape: ImageShape): Architecture {
  const stages = Array.from({ length: weights.count('stages') }, (_, stage) => `stages.${stage}`)
  return buildConvnext({
    name,
    imageShape,
    patch: weights.of('stem.0.weight')[2]!,
    sizes: stages.map((at) => weights.of(`${at}.blocks.0.conv_dw.weight`)[0]!),
    depths: stages.map((at) => weights.count(`${at}.blocks`)),
    classes: weights.of('head.fc.weight')[0]!,
    activation: GELU,
    headEps: 1e-6,
    names: {
      stem: ['stem.0', 'stem.1'],
      head: ['head.norm', 'head.fc'],
      downsample: (stage) => [`stages.${stage}.downsample.0`, `stages.${stage}.downsample.1`],
      block: (stage, i) => {
        const at = `stages.${stage}.blocks.${i}`
        const scale = weights.has(`${at}.gamma`) ? { scale: `${at}.gamma` } : {}
        return { at, depthwise: `${at}.conv_dw`, norm: `${at}.norm`, mlp: [`${at}.mlp.fc1`, `${at}.mlp.fc2`], ...scale }
      }
    }
  })
}

/** Heads of 32 numbers each; windows from the tables of relative positions. */
function swin(name: string, weights: Shapes, imageShape: ImageShape): PublishedNetwork {
  const stages = Array.from({ length: weights.count('layers') }, (_, stage) => `layers.${stage}`)
  const table = (at: string): number[] => weights.of(`${at}.blocks.0.attn.relative_position_bias_table`)
  const [width = 0, , ...patch] = weights.of('patch_embed.proj.weight')
  return {
    ...buildSwin({
      name,
      imageShape,
      width,
      patch: patch as [number, number],
      depths: stages.map((at) => weights.count(`${at}.blocks`)),
      heads: stages.map((at) => table(at)[1]!),
      window: (Math.sqrt(table('layers.0')[0]!) + 1) / 2,
      mlpRatio: weights.of('layers.0.blocks.0.mlp.fc1.weight')[0]! / width,
      eps: 1e-5,
      qkvBias: weights.has('layers.0.blocks.0.attn.qkv.bias'),
      activation: GELU,
      classes: weights.of('head.fc.weight')[0]!,
      names: {
        patches: 'patch_embed.proj',
        patchNorm: 'patch_embed.norm',
        downsample: (stage) => `layers.${stage + 1}.downsample`,
        norm: 'norm',
        classifier: 'head.fc',
        block: (stage, i) => {
          const at = `layers.${stage}.blocks.${i}`
          const own = { norm1: `${at}.norm1`, norm2: `${at}.norm2`, qkv: `${at}.attn.qkv`, out: `${at}.attn.proj` }
          const names = { ...own, mlp: [`${at}.mlp.fc1`, `${at}.mlp.fc2`] as [string, string] }
          return { at, weights: names, table: `${at}.attn.relative_position_bias_table` }
        }
      }
    }),
    ignored: /relative_position_index$|attn_mask$/
  }
}

function timmRegnet(name: string, weights: Shapes, imageShape: ImageShape): Architecture {
  const stages = [1, 2, 3, 4].map((stage) => `s${stage}`).filter((at) => weights.has(`${at}.b1.conv1.conv.weight`))
  const isGated = weights.has('s1.b1.se.fc1.weight')
  return buildRegnet({
    name,
    imageShape,
    stem: weights.of('stem.conv.weight')[0]!,
    sizes: stages.map((at) => weights.of(`${at}.b1.conv3.conv.weight`)[0]!),
    depths: stages.map((at) => weights.count(`${at}.b`, 1, '')),
    groupWidth: weights.of('s1.b1.conv2.conv.weight')[1]!,
    isGated,
    firstStride: 2,
    classes: weights.of('head.fc.weight')[0]!,
    names: {
      unit: ['conv', 'bn'],
      stem: 'stem',
      classifier: 'head.fc',
      block: (stage, i) => {
        const at = `${stages[stage]}.b${i + 1}`
        const units = [1, 2, 3].map((one) => `${at}.conv${one}`) as [string, string, string]
        return { at, units, gate: [`${at}.se.fc1`, `${at}.se.fc2`], shortcut: `${at}.downsample` }
      }
    }
  })
}
