import * as z from 'zod'
import { option, outputPath } from '../core/option.js'
import { loadOptions } from '../model/options.js'

export const REPORT_FORMATS = ['html', 'json', 'csv', 'md'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

/** Options of `report`. */
export const reportOptions = z.strictObject({
  experimentsRoot: loadOptions.shape.experimentsRoot,
  format: option(z.enum(REPORT_FORMATS).default('html'), { help: 'format of the report', group: 'output' }),
  output: option(outputPath, {
    help: 'file that the report is written to',
    group: 'output',
    unit: 'file',
    default:
      'report.<format> in the folder of the first named experiment; without names, in the folder of --experiments'
  })
})

export type ReportOptions = z.input<typeof reportOptions>
