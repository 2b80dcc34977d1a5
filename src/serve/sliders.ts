import { entriesOf } from '../core/option.js'
import { ruleParameters } from '../rules/options.js'
import type { Slider } from './protocol.js'

/** The parameters of rules that the page can turn, by name. */
export const SLIDERS: Record<string, Slider> = Object.fromEntries(
  entriesOf(ruleParameters).flatMap(({ path, facts }) => (facts.slider ? [[path[0], facts.slider]] : []))
)
