/** Recurrent layers by their names in aten and in ONNX. */
const RECURRENT = /^(quantized_)?(lstm|gru|rnn(_tanh|_relu)?)(_cell)?$/i

/** Why a node of this operator is refused, if it is a recurrent layer. */
export function recurrentReason(op: string): string | undefined {
  if (!RECURRENT.test(op)) return undefined
  return 'it is a recurrent layer: LRP through gates and time steps is not supported; use a network without it'
}
