import { LrpError } from '../core/errors.js'

/** `LAYER:CHANNEL[,CHANNEL]`, once for each layer. */
export function parseConcept(text: string, before: Record<string, number[]> = {}): Record<string, number[]> {
  const [, layer, list] = /^(.+):(\d+(?:,\d+)*)$/.exec(text.trim()) ?? []
  if (layer === undefined || list === undefined)
    throw new LrpError('INVALID_ARGUMENT', `--concept wants LAYER:CHANNEL[,CHANNEL], such as layer3:5,9, not '${text}'`)
  return { ...before, [layer]: [...(before[layer] ?? []), ...list.split(',').map(Number)] }
}
