/** `lrp-native/rules`: rules, composites, methods and fitted patterns. */
export { RULES, ruleNames, type RuleDescription } from '../rules/catalogue.js'
export { COMPOSITES, compositeNames } from '../rules/composites.js'
export type { Composite, CompositeEntry, LayerKind, LayerMatch, RuleParameters } from '../rules/types.js'
export { METHODS } from '../explain/methods.js'
export type { Start, Target } from '../explain/options.js'
export { planRules } from '../explain/explain.js'
export { fitPatterns, fitPatternsToDataset, loadPatterns, savePatterns } from '../explain/patterns.js'
export type { FitPatternsOptions, PatternKind } from '../explain/file-options.js'
