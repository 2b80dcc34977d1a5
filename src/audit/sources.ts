import type { Patch } from './audit-class.js'
import type { Images } from './images.js'
import type { NextStep } from './next-steps.js'
import type { Observed } from './observe.js'

/** What the page and the lists are made of, with the result. */
export interface AuditSources {
  /** What the model is called. */
  title: string
  images: Images
  observed: Observed
  /** Names of all classes, by number. */
  classes: string[]
  names: string[]
  labels: Int32Array
  patches: Patch[]
  next: NextStep[]
}
