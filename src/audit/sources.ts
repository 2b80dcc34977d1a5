import type { ClassFindings } from './audit-class.js'
import type { Images } from './images.js'
import type { Observed } from './observe.js'

/** What the page and the lists are made of, with the result. */
export interface AuditSources {
  images: Images
  observed: Observed
  /** Names of all classes, by number. */
  classes: string[]
  names: string[]
  labels: Int32Array
  findings: ClassFindings[]
}
