import { ACTIVATION } from './activation.js'
import { ARITHMETIC } from './arithmetic.js'
import { ATTENTION } from './attention.js'
import { FILL } from './fill.js'
import { INDEX } from './index-ops.js'
import { LINEAR } from './linear.js'
import { NORM } from './norm.js'
import type { Operator } from './operator.js'
import { PAD } from './pad.js'
import { PART } from './part.js'
import { POOL } from './pool.js'
import { QUANTISE } from './quantise.js'
import { REDUCE } from './reduce.js'
import { RESIZE } from './resize.js'
import { SHAPE } from './shape.js'

/** Every standard operator that can be imported, and how. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  ...ACTIVATION,
  ...ARITHMETIC,
  ...ATTENTION,
  ...FILL,
  ...INDEX,
  ...LINEAR,
  ...NORM,
  ...PAD,
  ...PART,
  ...POOL,
  ...QUANTISE,
  ...REDUCE,
  ...RESIZE,
  ...SHAPE
}
