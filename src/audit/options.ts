import { z } from 'zod'
import type { Dataset, SplitName } from '../data/dataset.js'
import type { DataOptions } from '../data/options.js'

export const AUDIT_FORMATS = ['html', 'virelay'] as const

export interface AuditOptions extends Omit<DataOptions, 'data'> {
  data?: string | Dataset
  /** `test` by default. */
  split?: SplitName
  /** Maximum number of images (all). */
  limit?: number
  /** How images are explained: the composite epsilon-plus-flat by default, which gives black pixels their share too. */
  rule?: string
  composite?: string
  /** Layer whose channels are looked at; by default the last convolution. */
  layer?: string
  /** Folder for `audit.json` and what else is asked for; what a stopped run has done there is kept. */
  output: string
  /** `html`: the page (default); `virelay`: the project that ViRelAy opens. */
  format?: (typeof AUDIT_FORMATS)[number][]
  /** Also writes the images of flagged clusters as `flagged.csv`. */
  exportLists?: boolean
  onProgress?: (done: number, total: number, what: 'images' | 'classes') => void
}

export const schema = z.object({
  split: z.enum(['train', 'valid', 'test']).optional(),
  limit: z.int().positive().optional(),
  rule: z.string().optional(),
  composite: z.string().optional(),
  layer: z.string().optional(),
  output: z.string(),
  format: z.array(z.enum(AUDIT_FORMATS)).min(1).optional(),
  exportLists: z.boolean().optional()
})
