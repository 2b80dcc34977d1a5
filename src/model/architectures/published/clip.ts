import type { GraphBuilder, Architecture } from '../../builder.js'
import { LrpError } from '../../../core/errors.js'
import type { StateDict } from '../../../core/tensor.js'
import { rowsOf, take, type Derive } from './derived.js'
import { activationOf, type Config } from './read-config.js'
import { attend, mlp } from './transformer.js'
import { buildVit, meanToken, type VitPlan } from './vit.js'

/** What stands behind the last layer: logits of classes, or the embedding of the image. */
export type TowerHead = 'classes' | 'projection' | 'embedding'

interface Tower {
  architecture: Architecture
  ignored: RegExp
  derive?: Derive
}

/** The vision tower of CLIP (Radford et al. 2021): an embedding of the image, or classes by the mean of its patches. */
export function clip(config: Config, weights: StateDict, head: TowerHead): Tower {
  const vision = config.section('vision_config')
  const prefix = prefixOf(weights)
  const plan = planOf(vision, prefix, 'clip', { activation: 'quick_gelu', eps: 1e-5 })
  const projected = vision.number('projection_dim', config.number('projection_dim', 512))
  const architecture = buildVit({
    ...plan,
    patchBias: false,
    names: { ...plan.names, learnt: [`${prefix}embeddings.class_embedding`], preNorm: `${prefix}pre_layrnorm` },
    head: (b, tokens) => {
      if (head === 'classes') return b.linear('classifier', meanToken(b, 'pooled', tokens, 1), config.classes())
      const token = b.add('token', 'select', [tokens], { dim: 1, index: 0 })
      const pooled = b.layerNorm(`${prefix}post_layernorm`, token, plan.eps)
      return head === 'projection' ? b.linear('visual_projection', pooled, projected, false) : pooled
    }
  })
  const unused = head === 'classes' ? '|post_layernorm\\.' : head === 'embedding' ? '|visual_projection\\.' : ''
  return { architecture, ignored: new RegExp(`^text_|^logit_|position_ids$${unused}`) }
}

/** The vision tower of SigLIP (Zhai et al. 2023): an embedding by attention from a learnt probe, or classes by the mean of all tokens. */
export function siglip(config: Config, weights: StateDict, head: TowerHead): Tower {
  const vision = config.section('vision_config')
  const prefix = prefixOf(weights)
  const plan = planOf(vision, prefix, 'siglip', { activation: 'gelu_pytorch_tanh', eps: 1e-6 })
  const architecture = buildVit({
    ...plan,
    head: (b, tokens) => {
      const x = b.layerNorm(`${prefix}post_layernorm`, tokens, plan.eps)
      if (head === 'classes') return b.linear('classifier', meanToken(b, 'pooled', x), config.classes())
      return probed(b, `${prefix}head`, x, plan)
    }
  })
  const derive: Derive = (all) => splitProjection(all, `${prefix}head.attention`, plan.width)
  const ignored = /^text_|^logit_|position_ids$/
  return head === 'classes'
    ? { architecture, ignored: new RegExp(`${ignored.source}|^${prefix.replaceAll('.', '\\.')}head\\.`) }
    : { architecture, ignored, derive }
}

/** Files of the towers alone have no prefix, or that of the model they come from. */
function prefixOf(weights: StateDict): string {
  return weights.has('vision_model.post_layernorm.weight') ? 'vision_model.' : ''
}

function planOf(
  config: Config,
  prefix: string,
  name: string,
  defaults: { activation: string; eps: number }
): Omit<VitPlan, 'head'> {
  return {
    name,
    imageShape: [config.number('num_channels', 3), ...config.size('image_size', 224)],
    width: config.number('hidden_size', 768),
    patch: config.size('patch_size', name === 'clip' ? 32 : 16),
    layers: config.number('num_hidden_layers', 12),
    heads: config.number('num_attention_heads', 12),
    hidden: config.number('intermediate_size', 3072),
    eps: config.number('layer_norm_eps', defaults.eps),
    qkvBias: true,
    activation: activationOf(config, 'hidden_act', defaults.activation),
    names: {
      patches: `${prefix}embeddings.patch_embedding`,
      learnt: [],
      positions: `${prefix}embeddings.position_embedding.weight`,
      layer: (i) => {
        const at = `${prefix}encoder.layers.${i}`
        const part = (key: string): string => `${at}.self_attn.${key}_proj`
        return {
          at,
          weights: {
            norm1: `${at}.layer_norm1`,
            norm2: `${at}.layer_norm2`,
            qkv: [part('q'), part('k'), part('v')],
            out: part('out'),
            mlp: [`${at}.mlp.fc1`, `${at}.mlp.fc2`]
          }
        }
      }
    }
  }
}

/** Attention from one learnt token to all, and a dense block. */
function probed(b: GraphBuilder, at: string, tokens: string, plan: Omit<VitPlan, 'head'>): string {
  const { width, heads } = plan
  const probe = b.add(`${at}.probe.expand`, 'expand_batch', [
    b.constant(`${at}.probe`, [1, 1, width], { value: 0 }),
    'input'
  ])
  const split = [probe, tokens, tokens].map((input, i) => {
    const part = b.linear(`${at}.attention.${['q', 'k', 'v'][i]}`, input, width)
    const count = b.shapeOf(part)[0]!
    const rows = b.add(`${part}.heads`, 'reshape', [part], { shape: [0, count, heads, width / heads] })
    return b.add(`${part}.permute`, 'permute', [rows], { dims: [0, 2, 1, 3] })
  })
  const attended = b.add(`${at}.permute`, 'permute', [attend(b, at, split)], { dims: [0, 2, 1, 3] })
  const joined = b.add(`${at}.join`, 'reshape', [attended], { shape: [0, 1, width] })
  const x = b.linear(`${at}.attention.out_proj`, joined, width)
  const y = mlp(b, at, b.layerNorm(`${at}.layernorm`, x, plan.eps), { mlp: [`${at}.mlp.fc1`, `${at}.mlp.fc2`] }, plan)
  return b.add(`${at}.pooled`, 'select', [b.add(`${at}.add`, 'add', [x, y])], { dim: 1, index: 0 })
}

/** One matrix for query, key and value becomes three. */
function splitProjection(weights: StateDict, at: string, width: number): void {
  for (const [from, to] of [
    ['in_proj_weight', 'weight'],
    ['in_proj_bias', 'bias']
  ]) {
    const whole = take(weights, `${at}.${from}`)
    if (whole.shape[0] !== 3 * width)
      throw new LrpError(
        'INVALID_FILE',
        `the weight '${at}.${from}' must have ${3 * width} rows, but its shape is [${whole.shape.join(', ')}]`
      )
    for (const [i, part] of ['q', 'k', 'v'].entries()) {
      const rows = Array.from({ length: width }, (_, row) => i * width + row)
      weights.set(`${at}.${part}.${to}`, rowsOf(whole, rows))
    }
  }
}
