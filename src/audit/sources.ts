import type { Model } from '../model/model.js'
import type { ClassFindings } from './audit-class.js'
import type { Images } from './images.js'
import type { Observed } from './observe.js'

/** What the page and the lists are made of, with the result. */
export interface AuditSources {
  model: Model
  images: Images
  observed: Observed
  names: string[]
  labels: Int32Array
  findings: ClassFindings[]
}
