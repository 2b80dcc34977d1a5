import { commandText, type Asked } from '../asked.js'
import type { ClassificationMetrics } from '../evaluate/classification.js'
import type { RegressionMetrics } from '../evaluate/regression.js'
import { html, table, type Html } from '../html.js'
import { counted } from '../plural.js'

/** metrics.json of a test. */
export type TestReport = {
  imagesPerSecond: number
  data: string
  split: string
  settings?: Asked
} & (({ task?: 'classification' } & ClassificationMetrics) | ({ task: 'regression' } & RegressionMetrics))

export function classScores(test?: TestReport): ClassificationMetrics | undefined {
  return test && test.task !== 'regression' ? test : undefined
}

export function valueScores(test?: TestReport): RegressionMetrics | undefined {
  return test?.task === 'regression' ? test : undefined
}

export const percent = (value: number): string => `${(value * 100).toFixed(2)} %`

/** The scores that stand at the top of an experiment. */
export function headline(test: TestReport): Html {
  if (test.task === 'regression')
    return html`<li><b>${test.r2.toFixed(4)}</b> R2</li>
      <li><b>${test.mae.toPrecision(4)}</b> mean absolute error</li>`
  return html`<li><b>${percent(test.accuracy)}</b> test accuracy</li>
    <li><b>${test.macroF1.toFixed(4)}</b> macro F1</li>`
}

/** All scores of a test, and its pictures. */
export function testSection(name: string, test: TestReport, pictures: Html): Html {
  return html`<h2>Test</h2>
    <p class="note">
      ${counted(test.images, 'image')} of ${test.data}, ${test.split} split. Command:
      <code>${commandText('test', name, test.settings)}</code>
    </p>
    ${test.task === 'regression' ? valueTable(test) : classTables(test)} ${pictures}`
}

function valueTable({ perOutput }: RegressionMetrics): Html {
  return table(
    'Errors of the values',
    ['Value', 'R2', 'MAE', 'RMSE'],
    perOutput.map(({ name, r2, mae, rmse }) => [name, r2.toFixed(4), mae.toPrecision(4), rmse.toPrecision(4)])
  )
}

function classTables(test: ClassificationMetrics): Html {
  const facts: [string, string][] = [
    ['Accuracy', percent(test.accuracy)],
    ['Top-3 accuracy', percent(test.top3Accuracy)],
    ['Balanced accuracy', percent(test.balancedAccuracy)],
    ['Macro F1', test.macroF1.toFixed(4)],
    ['ROC AUC, one against the rest', test.rocAuc?.toFixed(4) ?? 'not defined'],
    ['Log loss', test.logLoss.toFixed(4)],
    ['Expected calibration error, 15 bins', test.calibrationError.toFixed(4)],
    ['Matthews correlation', test.matthews.toFixed(4)]
  ]
  const perClass = test.perClass.map((score) => [
    score.name,
    score.images,
    score.truePositives,
    score.falsePositives,
    score.falseNegatives,
    score.trueNegatives,
    score.precision.toFixed(4),
    score.recall.toFixed(4),
    score.f1.toFixed(4)
  ])
  const columns = ['Class', 'Images', 'TP', 'FP', 'FN', 'TN', 'Precision', 'Recall', 'F1']
  return html`${table('Scores of the test', ['Score', 'Value'], facts)} ${table('Scores per class', columns, perClass)}`
}
