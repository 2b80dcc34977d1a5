import { commandText } from '../core/command-line.js'
import type { ClassificationMetrics } from '../scores/classification.js'
import type { RegressionMetrics } from '../scores/regression.js'
import { html, table, type Html } from '../plot/html.js'
import { counted } from '../core/plural.js'
import type { TestReport } from './test-report.js'

/** A score, which JSON keeps as null where it is not defined. */
export const score = (value: number | null): string => value?.toFixed(4) ?? 'not defined'

export const percent = (value: number): string => `${(value * 100).toFixed(2)} %`

/** The scores that stand at the top of an experiment. */
export function headline(test: TestReport): Html {
  if (test.task === 'regression')
    return html`<li><b>${score(test.r2)}</b> R2</li>
      <li><b>${test.mae.toPrecision(4)}</b> mean absolute error</li>`
  return html`<li><b>${percent(test.accuracy)}</b> test accuracy</li>
    <li><b>${score(test.macroF1)}</b> macro F1</li>`
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
    perOutput.map(({ name, r2, mae, rmse }) => [name, score(r2), mae.toPrecision(4), rmse.toPrecision(4)])
  )
}

function classTables(test: ClassificationMetrics): Html {
  const facts: [string, string][] = [
    ['Accuracy', percent(test.accuracy)],
    ['Top-3 accuracy', percent(test.top3Accuracy)],
    ['Balanced accuracy', percent(test.balancedAccuracy)],
    ['Macro F1', score(test.macroF1)],
    ['ROC AUC, one against the rest', score(test.rocAuc)],
    ['Average precision', score(test.averagePrecision)],
    ['Log loss', score(test.logLoss)],
    ['Expected calibration error, 15 bins', score(test.calibrationError)],
    ['Matthews correlation', score(test.matthews)]
  ]
  const perClass = test.perClass.map((one) => [
    one.name,
    one.images,
    one.truePositives,
    one.falsePositives,
    one.falseNegatives,
    one.trueNegatives,
    score(one.precision),
    score(one.recall),
    score(one.f1)
  ])
  const columns = ['Class', 'Images', 'TP', 'FP', 'FN', 'TN', 'Precision', 'Recall', 'F1']
  return html`${table('Scores of the test', ['Score', 'Value'], facts)} ${table('Scores per class', columns, perClass)}`
}
