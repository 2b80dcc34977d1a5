import { z } from 'zod'
import { callback, option } from '../core/option.js'
import { studyOptions } from '../concepts/options.js'
import { ruleChoice } from '../rules/options.js'

/** Options of `audit`. */
export const auditOptions = z.strictObject({
  ...studyOptions.shape,
  composite: option(studyOptions.shape.composite, {
    ...(ruleChoice.shape.composite.meta() as { help: string; group: 'how' }),
    default:
      'epsilon-plus-flat, which also gives black pixels a share; auto for networks with layers that it names no rule for'
  }),
  format: option(
    z
      .array(z.enum(['html', 'virelay']))
      .min(1)
      .default(['html']),
    {
      help: 'files besides audit.json: the page (html), the project that ViRelAy opens (virelay)',
      group: 'output',
      unit: 'names',
      resume: false
    }
  ),
  suspect: option(z.array(z.string().min(1)).min(1), {
    help: 'patterns that are tested in every class: PNG files, transparent but for the pattern; one smaller than the images lies anywhere, or at PATCH.png@left:top',
    group: 'what',
    unit: 'files',
    files: 'images'
  }),
  exportLists: option(z.boolean(), {
    help: 'also write the images of flagged clusters, as flagged.csv, and their patches',
    group: 'output',
    resume: false
  }),
  output: option(z.string().min(1), {
    help: 'folder for the results; a stopped audit continues from there',
    group: 'output',
    unit: 'folder',
    default: "the experiment's audit",
    resume: false
  }),
  onProgress: callback<(done: number, total: number, what: 'images' | 'classes') => void>(
    'called with images, then classes, done and in all'
  )
})

/** Options of `audit`: images, rule, layer, output folder (docs/audit.md). */
export type AuditOptions = z.input<typeof auditOptions>
