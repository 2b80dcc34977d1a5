import * as z from 'zod'
import { option, required, outputPath } from '../../core/option.js'

/** Formats that `exportModel` writes. */
export const EXPORT_FORMATS = ['safetensors', 'onnx'] as const
/** `onnx`: graph and weights; `safetensors`: weights under their PyTorch names. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Options of `exportModel`. */
export const exportOptions = z.strictObject({
  output: required(outputPath, { help: 'file that the model is written to', group: 'output', unit: 'file' }),
  format: option(z.enum(EXPORT_FORMATS), {
    help: 'format of the written file',
    group: 'output',
    default: 'inferred from the file extension'
  })
})
