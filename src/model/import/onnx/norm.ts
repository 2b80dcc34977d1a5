import type { Constant } from './constant.js'
import { nodeInput, type Operator } from './linear.js'

const batchNorm: Operator = (call, draft) => {
  const x = nodeInput(call)
  if (call.int('training_mode', 0) === 1 || call.node.output.length > 1) {
    throw call.fail('it was exported in training mode: export the model in evaluation mode')
  }
  const [weight, bias, running_mean, running_var] = [1, 2, 3, 4].map((i) => call.constant(i))
  if (!running_mean || !running_var) throw call.fail('its running statistics are missing')
  const parameters = { weight, bias, running_mean, running_var }
  return draft.add(call, 'batch_norm', [x], x.shape, { eps: call.float('epsilon', 1e-5) }, parameters)
}

const layerNorm: Operator = (call, draft) => {
  const x = nodeInput(call)
  const normalized_shape = x.shape.slice(call.axis('axis', -1, x.shape.length))
  const same = (one: Constant | undefined) => one?.reshaped(normalized_shape)
  const parameters = { weight: same(call.constant(1)), bias: same(call.constant(2)) }
  return draft.add(call, 'layer_norm', [x], x.shape, { normalized_shape, eps: call.float('epsilon', 1e-5) }, parameters)
}

const groupNorm: Operator = (call, draft) => {
  const x = nodeInput(call)
  const channels = x.shape[1]!
  const num_groups = call.op === 'InstanceNormalization' ? channels : call.int('num_groups', 1)
  const parameters = { weight: call.constant(1), bias: call.constant(2) }
  if (parameters.weight?.size !== channels) throw call.fail('one factor per group is not offered, only one per channel')
  return draft.add(call, 'group_norm', [x], x.shape, { num_groups, eps: call.float('epsilon', 1e-5) }, parameters)
}

export const NORM: Record<string, Operator> = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  InstanceNormalization: groupNorm,
  GroupNormalization: groupNorm
}
