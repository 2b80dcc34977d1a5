import { expect, test } from '@jest/globals'
import { testSection } from '../../src/report/test-section.js'
import type { TestReport } from '../../src/report/test-report.js'
import { classificationMetrics } from '../../src/scores/classification.js'
import { html } from '../../src/plot/html.js'

/** The section of a test of `classes` whose logits have `columns` columns. */
function sectionOf(classes: string[], columns: number): string {
  const labels = Int32Array.from({ length: 12 }, (_, i) => i % classes.length)
  const data = Float32Array.from({ length: 12 * columns }, (_, i) => Math.sin(i))
  const metrics = classificationMetrics({ data, shape: [12, columns] }, labels, classes)
  const report = { ...metrics, data: 'photos', split: 'test', settings: {} } as unknown as TestReport
  return String(testSection('one', report, html``))
}

test('the threshold of a single logit names the class', () => {
  expect(sectionOf(['benign', 'malignant'], 1)).toContain('Threshold of malignant')
})

test('top-3 accuracy is shown for more than 3 classes only', () => {
  expect(sectionOf(['benign', 'malignant'], 2)).not.toContain('Top-3')
  expect(sectionOf(['a', 'b', 'c'], 3)).not.toContain('Top-3')
  expect(sectionOf(['a', 'b', 'c', 'd'], 4)).toContain('Top-3 accuracy')
})
