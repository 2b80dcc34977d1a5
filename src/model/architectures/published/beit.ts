import type { RawTensor } from '../../../core/tensor.js'
import type { Architecture } from '../../builder.js'
import { relativeBias, take, type Derive } from './derived.js'
import { layerNames, type LayerNames } from './transformer.js'
import { activationOf, type Config } from './read-config.js'
import { buildVit, meanToken } from './vit.js'

/** BEiT (Bao et al. 2022): relative positions are added to the scores of attention. */
export function beit(config: Config): { architecture: Architecture; ignored: RegExp; derive: Derive } {
  const [size, patch] = [config.size('image_size', 224), config.size('patch_size', 16)]
  const window = size.map((side, i) => Math.floor(side / patch[i]!)) as [number, number]
  const layers = config.number('num_hidden_layers', 12)
  const heads = config.number('num_attention_heads', 12)
  const eps = config.number('layer_norm_eps', 1e-12)
  const isScaled = config.number('layer_scale_init_value', 0.1) > 0
  const [isOwn, isShared] = ['use_relative_position_bias', 'use_shared_relative_position_bias'].map((key) =>
    config.flag(key, false)
  )
  const table = (at: string): string => `${at}.relative_position_bias.relative_position_bias_table`
  const layerTable = (i: number): string => table(`beit.encoder.layer.${i}.attention.attention`)
  const shared = table('beit.encoder')
  if (isOwn && isShared) throw config.unsupported('use_shared_relative_position_bias')
  const architecture = buildVit({
    name: 'beit',
    imageShape: [config.number('num_channels', 3), ...size],
    width: config.number('hidden_size', 768),
    patch,
    layers,
    heads,
    hidden: config.number('intermediate_size', 3072),
    eps,
    qkvBias: [true, false, true],
    activation: activationOf(config, 'hidden_act'),
    names: {
      patches: 'beit.embeddings.patch_embeddings.projection',
      learnt: ['beit.embeddings.cls_token'],
      ...(config.flag('use_absolute_position_embeddings', false) && {
        positions: 'beit.embeddings.position_embeddings'
      }),
      layer: (i) => {
        const at = `beit.encoder.layer.${i}`
        const weights: LayerNames = {
          ...layerNames(at),
          ...(isScaled && { scales: [`${at}.lambda_1`, `${at}.lambda_2`] as [string, string] }),
          ...((isOwn || isShared) && { bias: `${at}.attention.bias` })
        }
        return { at, weights }
      }
    },
    head: (b, tokens) => {
      const isMean = config.flag('use_mean_pooling', true)
      const last = isMean ? tokens : b.layerNorm('beit.layernorm', tokens, eps)
      const pooled = isMean
        ? b.layerNorm('beit.pooler.layernorm', meanToken(b, 'beit.pooler', last, 1), eps)
        : b.add('beit.pooler', 'select', [last], { dim: 1, index: 0 })
      return b.linear('classifier', pooled, config.classes())
    }
  })
  const derive: Derive = (weights) => {
    if (!isOwn && !isShared) return
    const biasOf = (name: string): RawTensor => relativeBias(take(weights, name), window, true)
    const common = isShared ? biasOf(shared) : undefined
    for (let i = 0; i < layers; i++)
      weights.set(`beit.encoder.layer.${i}.attention.bias`, common ?? biasOf(layerTable(i)))
  }
  return { architecture, ignored: /relative_position_index$|mask_token$/, derive }
}
