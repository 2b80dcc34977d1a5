import { z } from 'zod'
import { option, required } from '../../core/option.js'

export const EXPORT_FORMATS = ['safetensors', 'onnx'] as const
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
