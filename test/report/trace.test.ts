import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readNpz } from '../../src/core/npy.js'
import { areaOver } from '../../src/evaluate/perturbation/areas.js'
import type { ExperimentReport } from '../../src/report/gather.js'
import { classScores } from '../../src/report/test-report.js'
import { cli } from '../cli/run.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-trace-'))
let shown: ExperimentReport
let page = ''
beforeAll(async () => {
  for (const command of [
    ['train', '--epochs', '4', '--experiment-name', 'one'],
    ['test'],
    ['explain', '--rule', 'epsilon', '--limit', '6', '--format', 'png,npz'],
    ['evaluate', '--rules', 'epsilon,random', '--limit', '8'],
    ['report']
  ]) {
    expect(await cli(...command, '--experiments', root, '--quiet')).toMatchObject({ status: 0 })
  }
  const { experiments } = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')) as {
    experiments: ExperimentReport[]
  }
  shown = experiments[0]!
  page = readFileSync(join(root, 'report.html'), 'utf8')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('the accuracy is the share of right rows in predictions.csv', () => {
  const rows = readFileSync(join(root, 'one', 'test', 'predictions.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
  const right = rows.filter((row) => row.split(',')[1] === row.split(',')[2]).length
  const { accuracy } = classScores(shown.test)!
  expect(accuracy).toBeCloseTo(right / rows.length, 12)
  expect(page).toContain(`<b>${((right / rows.length) * 100).toFixed(2)} %</b> test accuracy`)
})

test('the conservation error follows from the saved maps and logits', async () => {
  const { relevance, logits } = await readNpz(join(root, 'one', 'explanations', 'epsilon', 'explanation.npz'))
  const errors = Array.from({ length: 6 }, (_, i) => {
    const logit = Math.max(...logits!.data.subarray(i * 10, (i + 1) * 10))
    const sum = relevance!.data.subarray(i * 64, (i + 1) * 64).reduce((total, value) => total + value, 0)
    return Math.abs(sum - logit) / Math.abs(logit)
  })
  const mean = errors.reduce((sum, error) => sum + error, 0) / 6
  const { summary } = shown.explanations[0]!
  expect(summary.conservationError).toBeCloseTo(mean, 5)
  expect(page).toMatch(new RegExp(`mean conservation error\\s+${summary.conservationError.toPrecision(3)}`))
})

test('the area between the curves follows from the curves', () => {
  const [best] = shown.evaluation!.result.methods
  const area = areaOver(best!.lerf.shares, best!.lerf.mean) - areaOver(best!.morf.shares, best!.morf.mean)
  expect(best!.scores.abc!.mean).toBeCloseTo(area, 9)
  expect(page).toContain(area.toFixed(3))
})

test('every part has the command that gives it again', () => {
  const commands = [...page.matchAll(/<code>(npx lrp-native [^<]*)<\/code>/g)].map(([, text]) => text)
  expect(commands).toEqual([
    'npx lrp-native test one',
    'npx lrp-native explain one --limit 6 --rule epsilon --format png,npz',
    'npx lrp-native evaluate one --rules epsilon,random --limit 8'
  ])
})
