import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { classificationMetrics, rocAuc } from '../../src/scores/classification.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { floats, golden, readJson, values } from '../shared.js'

describe('golden/metrics', () => {
  test('the scores are those of scikit-learn', async () => {
    const expected = readJson<{ classification: Record<string, unknown> }>(
      golden('metrics', 'metrics.json')
    ).classification
    const tensors = await readSafetensors(golden('metrics', 'tensors.safetensors'))
    const labels = Int32Array.from(values(tensors.get('classification.labels')!))
    const names = Array.from({ length: 10 }, (_, i) => String(i))
    const found = classificationMetrics(floats(tensors.get('classification.logits')!), labels, names)
    const pairs: [number, number][] = [
      [found.accuracy, expected.accuracy as number],
      [found.top3Accuracy!, expected.top_3_accuracy as number],
      [found.balancedAccuracy, expected.balanced_accuracy as number],
      [found.macroF1, expected.macro_f1 as number],
      [found.microF1, expected.micro_f1 as number],
      [found.weightedF1, expected.weighted_f1 as number],
      [found.logLoss, expected.log_loss as number],
      [found.rocAuc, expected.roc_auc_ovr_macro as number],
      [found.cohenKappa, expected.cohen_kappa as number],
      [found.matthews, expected.matthews as number],
      [found.calibrationError, expected.ece_15_bins as number],
      ...found.perClass.flatMap((score, i): [number, number][] => [
        [score.precision, (expected.precision as number[])[i]!],
        [score.recall, (expected.recall as number[])[i]!],
        [score.f1, (expected.f1 as number[])[i]!],
        [score.images, (expected.support as number[])[i]!]
      ])
    ]
    for (const [actual, wanted] of pairs) expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-6)
    expect(found.confusion).toEqual(expected['confusion_matrix (row: truth)'])
  })
})

const cases = fc.integer({ min: 2, max: 6 }).chain((classes) =>
  fc.record({
    classes: fc.constant(classes),
    rows: fc.array(
      fc.record({
        label: fc.nat(classes - 1),
        logits: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: classes, maxLength: classes })
      }),
      { minLength: 1, maxLength: 40 }
    )
  })
)

test('the counts of every class add up, and the means follow from them', () => {
  fc.assert(
    fc.property(cases, ({ classes, rows }) => {
      const names = Array.from({ length: classes }, (_, i) => String(i))
      const logits = { data: Float32Array.from(rows.flatMap((row) => row.logits)), shape: [rows.length, classes] }
      const found = classificationMetrics(
        logits,
        Int32Array.from(rows, (row) => row.label),
        names
      )
      for (const score of found.perClass) {
        const { truePositives: tp, falsePositives: fp, falseNegatives: fn, trueNegatives: tn } = score
        expect(tp + fp + fn + tn).toBe(rows.length)
        expect(tp + fn).toBe(rows.filter((row) => String(row.label) === score.name).length)
      }
      const right = found.perClass.reduce((sum, score) => sum + score.truePositives, 0)
      expect(found.accuracy).toBeCloseTo(right / rows.length, 12)
      expect(found.weightedRecall).toBeCloseTo(found.accuracy, 12)
      const rising = [found.accuracy, found.top3Accuracy, found.top5Accuracy].filter((value) => value !== undefined)
      expect(rising).toEqual(rising.toSorted((a, b) => a - b))
      expect(rising).toHaveLength(classes > 5 ? 3 : classes > 3 ? 2 : 1)
      expect(found.calibrationError).toBeGreaterThanOrEqual(0)
      expect(found.calibrationError).toBeLessThanOrEqual(1)
    })
  )
})

test('the ROC area is the share of pairs in the right order, ties half', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ positive: fc.nat(1), score: fc.nat(5) }), { minLength: 2, maxLength: 30 }),
      (rows) => {
        const positives = rows.filter((row) => row.positive === 1)
        const negatives = rows.filter((row) => row.positive === 0)
        const found = rocAuc(
          rows.map((row) => row.positive),
          (i) => rows[i]!.score
        )
        if (positives.length === 0 || negatives.length === 0) return expect(found).toBeNaN()
        const pairs = positives.flatMap((p) =>
          negatives.map((n) => (p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0))
        )
        expect(found).toBeCloseTo(pairs.reduce((sum: number, value) => sum + value, 0) / pairs.length, 12)
      }
    )
  )
})
