import * as z from 'zod'
import { callback, option, outputPath } from '../core/option.js'
import { studyOptions } from '../concepts/options.js'
import { calledOptions } from '../model/options.js'
import { ruleChoice } from '../rules/options.js'

/** Options of `audit`. */
export const auditOptions = z.strictObject({
  ...studyOptions.shape,
  composite: option(studyOptions.shape.composite, {
    ...(ruleChoice.shape.composite.meta() as { help: string; group: 'how' }),
    default:
      'epsilon-plus-flat, which also gives relevance to black pixels; auto for networks with layers that epsilon-plus-flat has no rule for'
  }),
  format: option(
    z
      .array(z.enum(['html', 'virelay']))
      .min(1)
      .default(['html']),
    {
      help: 'files to write in addition to audit.json: a web page (html) or a ViRelAy project (virelay)',
      group: 'output',
      unit: 'names',
      commas: true,
      resume: false
    }
  ),
  suspect: option(z.array(z.string().min(1)).min(1), {
    help: 'suspected patterns to test in every class: PNG files that are transparent except for the pattern; a file smaller than the images is pasted at random locations, or at a fixed location if you pass PATCH.png@left:top',
    group: 'what',
    unit: 'files',
    files: 'images'
  }),
  exportLists: option(z.boolean(), {
    help: 'also write a list of the images of flagged clusters (flagged.csv) and the pattern of each flagged cluster (patch-CLASS-CLUSTER.png)',
    group: 'output',
    resume: false
  }),
  output: option(outputPath, {
    help: 'folder for the results; run the same command again to continue a stopped audit',
    group: 'output',
    unit: 'folder',
    default: "audit in the experiment's folder",
    resume: false
  }),
  ...calledOptions.shape,
  onProgress: callback<(done: number, total: number, what: 'images' | 'classes') => void>(
    'called with the number of images done and the total number of images, and later with the same two numbers for classes'
  )
})

/** Options of `audit`: images, rule, layer, output folder (docs/audit.md). */
export type AuditOptions = z.input<typeof auditOptions>
