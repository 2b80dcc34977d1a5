import type { Architecture } from '../../builder.js'
import { take, type Derive } from './derived.js'
import { interpolated } from './positions.js'
import { activationOf, type Config } from './read-config.js'
import { layerNames } from './transformer.js'
import { buildVit, meanToken } from './vit.js'

const POSITIONS = 'dinov2.embeddings.position_embeddings'

/**
 * DINOv2 (Oquab et al. 2024) with a linear classifier of the class token and the mean of the patches. For images of another
 * size than it was trained with, positions are interpolated.
 */
export function dinov2(
  config: Config,
  image: [number, number]
): { architecture: Architecture; ignored: RegExp; derive: Derive } {
  const width = config.number('hidden_size', 768)
  const eps = config.number('layer_norm_eps', 1e-6)
  const isGated = config.flag('use_swiglu_ffn', false)
  const inner = Math.floor(width * config.number('mlp_ratio', 4))
  const [trained, patch] = [config.size('image_size', 224), config.size('patch_size', 14)]
  const gridOf = (size: number[]) => size.map((side, i) => Math.floor(side / patch[i]!)) as [number, number]
  const [from, to] = [gridOf(trained), gridOf(image)]
  const architecture = buildVit({
    name: 'dinov2',
    imageShape: [config.number('num_channels', 3), ...image],
    width,
    patch,
    layers: config.number('num_hidden_layers', 12),
    heads: config.number('num_attention_heads', 12),
    hidden: isGated ? Math.floor((Math.floor((inner * 2) / 3) + 7) / 8) * 8 : inner,
    eps,
    qkvBias: config.flag('qkv_bias', true),
    activation: activationOf(config, 'hidden_act'),
    names: {
      patches: 'dinov2.embeddings.patch_embeddings.projection',
      learnt: ['dinov2.embeddings.cls_token'],
      positions: POSITIONS,
      layer: (i) => {
        const at = `dinov2.encoder.layer.${i}`
        return {
          at,
          weights: {
            ...layerNames(at),
            norm1: `${at}.norm1`,
            norm2: `${at}.norm2`,
            mlp: isGated ? [`${at}.mlp.weights_in`, `${at}.mlp.weights_out`] : [`${at}.mlp.fc1`, `${at}.mlp.fc2`],
            isGated,
            scales: [`${at}.layer_scale1.lambda1`, `${at}.layer_scale2.lambda1`]
          }
        }
      }
    },
    head: (b, tokens) => {
      const x = b.layerNorm('dinov2.layernorm', tokens, eps)
      const token = b.add('dinov2.token', 'select', [x], { dim: 1, index: 0 })
      const both = b.add('dinov2.pooled', 'cat', [token, meanToken(b, 'dinov2', x, 1)], { dim: 1 })
      return b.linear('classifier', both, config.classes())
    }
  })
  const derive: Derive = async (weights) => {
    if (from.join() !== to.join()) weights.set(POSITIONS, await interpolated(take(weights, POSITIONS), from, to))
  }
  return { architecture, ignored: /mask_token$/, derive }
}
