/**
 * Scores of networks and of explanations.
 * @module lrp-native/metrics
 */
export { testModel, type TestResult } from '../scores/test-model.js'
export { testClassifier, type ClassificationResult } from '../scores/test-classifier.js'
export type { SplitResult } from '../scores/split-outputs.js'
export { multilabelMetrics, type LabelScore, type MultilabelMetrics } from '../scores/multilabel.js'
export { testMultilabel, type MultilabelResult } from '../scores/test-multilabel.js'
export { testRegression, type RegressionResult } from '../scores/test-regression.js'
export type { TestOptions } from '../scores/options.js'
export { regressionMetrics, type RegressionMetrics, type ValueScore } from '../scores/regression.js'
export {
  classificationMetrics,
  type BinaryScores,
  type ClassificationMetrics,
  type ClassScore
} from '../scores/classification.js'
export { evaluate } from '../evaluate/evaluate.js'
export type { EvaluateOptions, ScoreMapsOptions } from '../evaluate/options.js'
export type { Explainer } from '../evaluate/methods.js'
export type {
  Evaluation,
  EvaluationSettings,
  MeanCurve,
  MethodEvaluation,
  MethodScore,
  RemovalPoint,
  RemovalResult
} from '../evaluate/results.js'
export { DEFAULT_METRICS, METRICS } from '../evaluate/metrics/registry.js'
export type { MetricDescription, MetricNeed } from '../evaluate/metrics/description.js'
export { parameterRandomisation, type Similarity } from '../evaluate/metrics/randomisation.js'
export { FILLS, type Fill } from '../evaluate/perturbation/fills.js'
export { bootstrapMean, pairedTest, type Interval, type PairedTest } from '../evaluate/statistics/intervals.js'
export { MAP_METRICS, scoreMaps, type Scores } from '../evaluate/score-maps.js'
export { checkExplanation } from '../explain/check.js'
export { TRUST_LIMITS, type Trust, type TrustMeasures, type Verdict } from '../explain/trust.js'
