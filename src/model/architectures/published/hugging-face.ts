import { LrpError } from '../../../core/errors.js'
import { GraphBuilder, type Architecture } from '../../builder.js'
import { activationOf, type Config } from './read-config.js'
import type { StateDict } from '../../../core/tensor.js'
import { beit } from './beit.js'
import { clip, siglip } from './clip.js'
import { buildConvnext } from './convnext.js'
import type { Derive } from './derived.js'
import { dinov2 } from './dinov2.js'
import { efficientnet } from './efficientnet.js'
import { mobilenetV2 } from './mobilenet.js'
import { buildRegnet } from './regnet.js'
import { segformer } from './segformer.js'
import { buildSwin } from './swin.js'
import { layerNames } from './transformer.js'
import { buildVit, tokenClassifiers } from './vit.js'

export interface PublishedNetwork {
  architecture: Architecture
  /** Weights in the file that do not act. */
  ignored?: RegExp
  /** Arranges weights of the file as the graph needs them. */
  derive?: Derive
}

type Build = (config: Config, image: Size, weights: StateDict) => PublishedNetwork
type Size = [number, number]

/** Hugging Face's image classifiers by the class that `architectures` names. */
const NETWORKS: Record<string, Build> = {
  ViTForImageClassification: (config) => ({ architecture: vit(config, 'vit', []), ignored: /^vit\.pooler\./ }),
  DeiTForImageClassification: (config) => ({ architecture: vit(config, 'deit', ['distillation_token']) }),
  DeiTForImageClassificationWithTeacher: (config) => ({
    architecture: vit(config, 'deit', ['distillation_token'], ['cls_classifier', 'distillation_classifier'])
  }),
  ResNetForImageClassification: (config, image) => ({ architecture: resnet(config, image) }),
  ConvNextForImageClassification: (config, image) => ({ architecture: convnext(config, image, 'convnext') }),
  ConvNextV2ForImageClassification: (config, image) => ({ architecture: convnext(config, image, 'convnextv2') }),
  RegNetForImageClassification: (config, image) => ({ architecture: regnet(config, image) }),
  MobileNetV2ForImageClassification: (config, image) => ({ architecture: mobilenetV2(config, image) }),
  EfficientNetForImageClassification: (config, image) => ({ architecture: efficientnet(config, image) }),
  BeitForImageClassification: beit,
  Dinov2ForImageClassification: dinov2,
  SwinForImageClassification: swin,
  SegformerForImageClassification: (config, image) => ({ architecture: segformer(config, image) }),
  CLIPForImageClassification: (config, _, weights) => clip(config, weights, 'classes'),
  CLIPVisionModelWithProjection: (config, _, weights) => clip(config, weights, 'projection'),
  CLIPVisionModel: (config, _, weights) => clip(config, weights, 'embedding'),
  CLIPModel: (config, _, weights) => clip(config, weights, 'projection'),
  SiglipForImageClassification: (config, _, weights) => siglip(config, weights, 'classes'),
  SiglipVisionModel: (config, _, weights) => siglip(config, weights, 'embedding'),
  SiglipModel: (config, _, weights) => siglip(config, weights, 'embedding')
}

/** Names of the networks that can be built. */
export const HUGGING_FACE_NETWORKS = Object.keys(NETWORKS)

/**
 * A network of Hugging Face by its `config.json`.
 * @param names of its class, the most likely first
 * @param image height and width that its preprocessing makes, for networks that take any
 * @param weights of its file, whose names tell kinds apart
 * @throws LrpError UNSUPPORTED for another network or setting
 */
export function huggingFaceNetwork(config: Config, names: string[], image: Size, weights: StateDict): PublishedNetwork {
  const name = names.find((one) => Object.hasOwn(NETWORKS, one))
  if (name !== undefined) return NETWORKS[name]!(config, image, weights)
  const found = names.length > 0 ? names.join(', ') : 'a network without a name'
  throw new LrpError(
    'UNSUPPORTED',
    `${config.path} describes ${found}, which is not supported: choose from ${HUGGING_FACE_NETWORKS.join(', ')}`
  )
}

/** ViT and DeiT. */
function vit(config: Config, prefix: string, more: string[], classifiers = ['classifier']): Architecture {
  const embeddings = `${prefix}.embeddings`
  const eps = config.number('layer_norm_eps', 1e-12)
  return buildVit({
    name: prefix,
    imageShape: [config.number('num_channels', 3), ...config.size('image_size', 224)],
    patch: config.size('patch_size', 16),
    layers: config.number('num_hidden_layers', 12),
    width: config.number('hidden_size', 768),
    heads: config.number('num_attention_heads', 12),
    hidden: config.number('intermediate_size', 3072),
    eps,
    head: tokenClassifiers({ norm: `${prefix}.layernorm`, eps, classes: config.classes() }, classifiers),
    qkvBias: config.flag('qkv_bias', true),
    activation: activationOf(config, 'hidden_act'),
    names: {
      patches: `${embeddings}.patch_embeddings.projection`,
      learnt: ['cls_token', ...more].map((name) => `${embeddings}.${name}`),
      positions: `${embeddings}.position_embeddings`,
      layer: (i) => {
        const at = `${prefix}.encoder.layer.${i}`
        return { at, weights: layerNames(at) }
      }
    }
  })
}

/** ResNet v1.5 and the basic kind. */
function resnet(config: Config, image: Size): Architecture {
  config.only('hidden_act', 'relu')
  config.only('downsample_in_bottleneck', false)
  config.only('layer_type', 'basic', 'bottleneck')
  const isBasic = config.has('layer_type') && config.text('layer_type') === 'basic'
  const b = new GraphBuilder([config.number('num_channels', 3), ...image])
  const unit = (at: string, input: string, channels: number, kernel: number, stride: number, acts: boolean): string => {
    const how = { stride, padding: Math.floor(kernel / 2), bias: false }
    const x = b.batchNorm(`${at}.normalization`, b.convolution(`${at}.convolution`, input, channels, kernel, how))
    return acts ? b.add(`${at}.activation`, 'relu', [x]) : x
  }
  let x = unit('resnet.embedder.embedder', 'input', config.number('embedding_size', 64), 7, 2, true)
  x = b.add('resnet.embedder.pooler', 'max_pool2d', [x], { kernel_size: 3, stride: 2, padding: 1 })
  const depths = config.numbers('depths', [3, 4, 6, 3])
  config.numbers('hidden_sizes', [256, 512, 1024, 2048]).forEach((channels, stage) => {
    for (let i = 0; i < depths[stage]!; i++) {
      const at = `resnet.encoder.stages.${stage}.layers.${i}`
      const halves = stage > 0 || config.flag('downsample_in_first_stage', false)
      const stride = i === 0 && halves ? 2 : 1
      const input = x
      if (isBasic) {
        x = unit(`${at}.layer.0`, x, channels, 3, stride, true)
        x = unit(`${at}.layer.1`, x, channels, 3, 1, false)
      } else {
        x = unit(`${at}.layer.0`, x, channels / 4, 1, 1, true)
        x = unit(`${at}.layer.1`, x, channels / 4, 3, stride, true)
        x = unit(`${at}.layer.2`, x, channels, 1, 1, false)
      }
      const isSame = stride === 1 && b.shapeOf(input)[0] === channels
      const side = isSame ? input : unit(`${at}.shortcut`, input, channels, 1, stride, false)
      x = b.add(`${at}.activation`, 'relu', [b.add(`${at}.add`, 'add', [x, side])])
    }
  })
  x = b.add('resnet.pooler', 'adaptive_avg_pool2d', [x], { output_size: [1, 1] })
  x = b.add('classifier.0', 'flatten', [x], { start_dim: 1, end_dim: -1 })
  return b.finish('resnet', b.linear('classifier.1', x, config.classes()))
}

function convnext(config: Config, image: Size, prefix: 'convnext' | 'convnextv2'): Architecture {
  const isScaled = prefix === 'convnext' && config.number('layer_scale_init_value', 1e-6) > 0
  return buildConvnext({
    name: prefix,
    imageShape: [config.number('num_channels', 3), ...image],
    patch: config.number('patch_size', 4),
    sizes: config.numbers('hidden_sizes', [96, 192, 384, 768]),
    depths: config.numbers('depths', [3, 3, 9, 3]),
    classes: config.classes(),
    activation: activationOf(config, 'hidden_act'),
    headEps: config.number('layer_norm_eps', 1e-12),
    names: {
      stem: [`${prefix}.embeddings.patch_embeddings`, `${prefix}.embeddings.layernorm`],
      head: [`${prefix}.layernorm`, 'classifier'],
      downsample: (stage) => {
        const at = `${prefix}.encoder.stages.${stage}.downsampling_layer`
        return [`${at}.0`, `${at}.1`]
      },
      block: (stage, i) => {
        const at = `${prefix}.encoder.stages.${stage}.layers.${i}`
        return {
          at,
          depthwise: `${at}.dwconv`,
          norm: `${at}.layernorm`,
          mlp: [`${at}.pwconv1`, `${at}.pwconv2`],
          ...(isScaled && { scale: `${at}.layer_scale_parameter` }),
          ...(prefix === 'convnextv2' && { response: [`${at}.grn.weight`, `${at}.grn.bias`] as [string, string] })
        }
      }
    }
  })
}

function regnet(config: Config, image: Size): Architecture {
  config.only('hidden_act', 'relu')
  config.only('layer_type', 'x', 'y')
  return buildRegnet({
    name: 'regnet',
    imageShape: [config.number('num_channels', 3), ...image],
    stem: config.number('embedding_size', 32),
    sizes: config.numbers('hidden_sizes', [128, 192, 512, 1088]),
    depths: config.numbers('depths', [2, 6, 12, 2]),
    groupWidth: config.number('groups_width', 64),
    isGated: !config.has('layer_type') || config.text('layer_type') === 'y',
    firstStride: config.flag('downsample_in_first_stage', true) ? 2 : 1,
    classes: config.classes(),
    names: {
      unit: ['convolution', 'normalization'],
      stem: 'regnet.embedder.embedder',
      classifier: 'classifier.1',
      block: (stage, i) => {
        const at = `regnet.encoder.stages.${stage}.layers.${i}`
        const isGated = !config.has('layer_type') || config.text('layer_type') === 'y'
        const third = `${at}.layer.${isGated ? 3 : 2}`
        const gate = [`${at}.layer.2.attention.0`, `${at}.layer.2.attention.2`] as [string, string]
        return { at, units: [`${at}.layer.0`, `${at}.layer.1`, third], gate, shortcut: `${at}.shortcut` }
      }
    }
  })
}

function swin(config: Config): PublishedNetwork {
  config.only('use_absolute_embeddings', false)
  const built = buildSwin({
    name: 'swin',
    imageShape: [config.number('num_channels', 3), ...config.size('image_size', 224)],
    patch: config.size('patch_size', 4),
    width: config.number('embed_dim', 96),
    depths: config.numbers('depths', [2, 2, 6, 2]),
    heads: config.numbers('num_heads', [3, 6, 12, 24]),
    window: config.number('window_size', 7),
    mlpRatio: config.number('mlp_ratio', 4),
    eps: config.number('layer_norm_eps', 1e-5),
    qkvBias: config.flag('qkv_bias', true),
    activation: activationOf(config, 'hidden_act'),
    classes: config.classes(),
    names: {
      patches: 'swin.embeddings.patch_embeddings.projection',
      patchNorm: 'swin.embeddings.norm',
      downsample: (stage) => `swin.encoder.layers.${stage}.downsample`,
      norm: 'swin.layernorm',
      classifier: 'classifier',
      block: (stage, i) => {
        const at = `swin.encoder.layers.${stage}.blocks.${i}`
        const table = `${at}.attention.self.relative_position_bias_table`
        return { at, weights: layerNames(at, 'attention.self'), table }
      }
    }
  })
  return { ...built, ignored: /relative_position_index$|mask_token$/ }
}
