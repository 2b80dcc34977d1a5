import type { RecordedSettings } from '../core/command-line.js'
import type { ClassificationMetrics } from '../scores/classification.js'
import type { MultilabelMetrics } from '../scores/multilabel.js'
import type { RegressionMetrics } from '../scores/regression.js'

/** metrics.json of a test. */
export type TestReport = {
  imagesPerSecond: number
  data: string
  split: string
  settings?: RecordedSettings
} & (
  | ({ task?: 'classification' } & ClassificationMetrics)
  | ({ task: 'multilabel' } & MultilabelMetrics)
  | ({ task: 'regression' } & RegressionMetrics)
)

export function classScores(test?: TestReport): ClassificationMetrics | undefined {
  return test && (test.task ?? 'classification') === 'classification' ? (test as ClassificationMetrics) : undefined
}

export function labelScores(test?: TestReport): MultilabelMetrics | undefined {
  return test?.task === 'multilabel' ? test : undefined
}

export function valueScores(test?: TestReport): RegressionMetrics | undefined {
  return test?.task === 'regression' ? test : undefined
}
