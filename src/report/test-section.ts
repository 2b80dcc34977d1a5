import { commandText } from '../core/command-line.js'
import type { ClassificationMetrics, ClassScore } from '../scores/classification.js'
import type { MultilabelMetrics } from '../scores/multilabel.js'
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
  if (test.task === 'multilabel')
    return html`<li><b>${score(test.meanAveragePrecision)}</b> mean average precision</li>
      <li><b>${score(test.microF1)}</b> micro F1</li>`
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
    ${tablesOf(test)} ${pictures}`
}

function tablesOf(test: TestReport): Html {
  if (test.task === 'regression') return valueTable(test)
  return test.task === 'multilabel' ? labelTables(test) : classTables(test)
}

function labelTables(test: MultilabelMetrics): Html {
  const facts: Fact[] = [
    ['Images with all labels correct', percent(test.exactMatch)],
    ['Correct labels', percent(test.labelAccuracy)],
    ['Mean average precision', score(test.meanAveragePrecision)],
    ['ROC AUC, mean over labels', score(test.rocAuc)],
    ['Micro F1', score(test.microF1)],
    ['Macro F1', score(test.macroF1)],
    ['Log loss', score(test.logLoss)]
  ]
  return scoreTables(facts, 'label', test.perLabel, {
    Threshold: (one) => one.threshold.toPrecision(3),
    AP: (one) => score(one.averagePrecision),
    'ROC AUC': (one) => score(one.rocAuc)
  })
}

function valueTable({ perOutput }: RegressionMetrics): Html {
  return table(
    'Errors of the values',
    ['Value', 'R2', 'MAE', 'RMSE'],
    perOutput.map(({ name, r2, mae, rmse }) => [name, score(r2), mae.toPrecision(4), rmse.toPrecision(4)])
  )
}

function classTables(test: ClassificationMetrics): Html {
  const { threshold, top3Accuracy, perClass } = test
  const facts: Fact[] = [
    ['Accuracy', percent(test.accuracy)],
    ...(top3Accuracy === undefined ? [] : [['Top-3 accuracy', percent(top3Accuracy)] satisfies Fact]),
    ['Balanced accuracy', percent(test.balancedAccuracy)],
    ['Macro F1', score(test.macroF1)],
    ['ROC AUC, one-vs-rest', score(test.rocAuc)],
    ['Average precision', score(test.averagePrecision)],
    ...(threshold === undefined
      ? []
      : [[`Threshold of ${perClass[1]!.name}`, threshold.toPrecision(3)] satisfies Fact]),
    ['Log loss', score(test.logLoss)],
    ['Expected calibration error, 15 bins', score(test.calibrationError)],
    ['Matthews correlation', score(test.matthews)]
  ]
  return scoreTables(facts, 'class', perClass, {})
}

type Fact = [name: string, value: string]
type Columns<T> = Record<string, (one: T) => string | number>

const COUNTED: Columns<ClassScore> = {
  Images: (one) => one.images,
  TP: (one) => one.truePositives,
  FP: (one) => one.falsePositives,
  FN: (one) => one.falseNegatives,
  TN: (one) => one.trueNegatives,
  Precision: (one) => score(one.precision),
  Recall: (one) => score(one.recall),
  F1: (one) => score(one.f1)
}

/** The scores of a test, and those of each class or label with `more` columns. */
function scoreTables<T extends ClassScore>(facts: Fact[], kind: 'class' | 'label', each: T[], more: Columns<T>): Html {
  const columns: Columns<T> = { ...COUNTED, ...more }
  const head = [kind === 'class' ? 'Class' : 'Label', ...Object.keys(columns)]
  const rows = each.map((one) => [one.name, ...Object.values(columns).map((cell) => cell(one))])
  return html`${table('Scores of the test', ['Score', 'Value'], facts)} ${table(`Scores per ${kind}`, head, rows)}`
}
