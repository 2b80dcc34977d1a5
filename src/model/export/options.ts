import { z } from 'zod'
import { option, required } from '../../core/option.js'

/** Formats that `exportModel` writes. */
export const EXPORT_FORMATS = ['safetensors', 'onnx'] as const
/** `onnx`: graph and weights; `safetensors`: weights under their PyTorch names. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Options of `exportModel`. */
export const exportOptions = z.strictObject({
  output: required(z.string().min(1), { help: 'file to write', group: 'output', unit: 'file' }),
  format: option(z.enum(EXPORT_FORMATS), {
    help: 'format of the file',
    group: 'output',
    default: "the file name's ending"
  })
})
