import { LrpError } from '../../../core/errors.js'
import type { StateDict } from '../../../core/tensor.js'
import type { Architecture } from '../../builder.js'
import { resnet } from '../resnet.js'
import { buildConvnext } from './convnext.js'
import type { PublishedNetwork } from './hugging-face.js'
import type { Config } from './read-config.js'
import { buildVit } from './vit.js'

type ImageShape = [number, number, number]
type Build = (name: string, weights: Shapes, imageShape: ImageShape, heads?: number) => Architecture

/** timm's networks by what their names look like. Sizes are read from the weights. */
const NETWORKS: [RegExp, Build][] = [
  [/^(vit|deit)_(tiny|small|base|large)(_distilled)?_patch\d+_\d+$/, vit],
  [/^(resnet(18|34|50|101|152)|wide_resnet50_2|resnext50_32x4d)$/, timmResnet],
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
    const known = 'vit, deit, resnet, wide_resnet50_2, resnext50_32x4d and convnext'
    throw new LrpError('UNSUPPORTED', `${config.path} is of ${name}: of timm's networks there are ${known}`)
  }
  return {
    architecture: found[1](name, new Shapes(weights, config.path), imageShape, config.inner('model_args', 'num_heads'))
  }
}

/** What the shapes of weights say of a network. */
class Shapes {
  constructor(
    private readonly weights: StateDict,
    private readonly path: string
  ) {}

  of(name: string): number[] {
    const tensor = this.weights.get(name)
    if (tensor) return tensor.shape
    throw new LrpError('INVALID_FILE', `the weights of ${this.path} lack '${name}'`)
  }

  has(name: string): boolean {
    return this.weights.has(name)
  }

  /** How many of `prefix.0.`, `prefix.1.`, ... there are. */
  count(prefix: string): number {
    const names = [...this.weights.keys()]
    let count = 0
    while (names.some((name) => name.startsWith(`${prefix}.${count}.`))) count++
    return count
  }
}

function vit(name: string, weights: Shapes, imageShape: ImageShape, heads?: number): Architecture {
  const [width = 0, , ...patch] = weights.of('patch_embed.proj.weight')
  const isDistilled = weights.has('dist_token')
  return buildVit({
    name,
    imageShape,
    width,
    patch: patch as [number, number],
    layers: weights.count('blocks'),
    classes: weights.of('head.weight')[0]!,
    heads: heads ?? width / 64,
    hidden: weights.of('blocks.0.mlp.fc1.weight')[0]!,
    eps: 1e-6,
    qkvBias: weights.has('blocks.0.attn.qkv.bias'),
    activation: GELU,
    names: {
      patches: 'patch_embed.proj',
      learnt: isDistilled ? ['cls_token', 'dist_token'] : ['cls_token'],
      positions: 'pos_embed',
      norm: 'norm',
      classifiers: isDistilled ? ['head', 'head_dist'] : ['head'],
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
