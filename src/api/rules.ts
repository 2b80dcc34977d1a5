/**
 * Rules, composites, methods and fitted patterns.
 * @module lrp-native/rules
 */
export { RULES, ruleNames } from '../rules/catalogue.js'
export type { RuleDescription } from '../rules/data-rule.js'
export { COMPOSITES, compositeNames } from '../rules/composites.js'
export type { RuleParameters } from '../native/addon.js'
export type { Composite, CompositeEntry, LayerKind, LayerMatch } from '../rules/types.js'
export { METHODS } from '../explain/methods.js'
export type { Start, Target } from '../explain/options.js'
export { planRules } from '../explain/prepare.js'
export { fitPatterns, fitPatternsToDataset, loadPatterns, savePatterns } from '../explain/patterns.js'
export type { FitPatternsOptions, PatternKind } from '../explain/file-options.js'
