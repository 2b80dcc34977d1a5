import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Experiment, type Manifest } from '../../src/experiment/experiment.js'
import { scatterChart } from '../../src/plot/chart.js'
import { writeOutcome } from '../../src/tune/outcome.js'
import type { Trial } from '../../src/tune/trials.js'

test('charts and tables of a search speak the language of the flags, not of programs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-outcome-'))
  const trial = (index: number, learningRate: number, score: number): Trial => ({
    index,
    settings: { learningRate, hiddenSize: [8 * (index + 1), 4] },
    epochs: 1,
    score,
    curve: [score],
    state: 'done'
  })
  const space = { learningRate: { min: 0.001, max: 0.1, scale: 'log' }, hiddenSize: [[8, 4], [16, 4]] } as const // prettier-ignore
  const experiment = new Experiment(folder, {} as Manifest)
  await writeOutcome(experiment, space as never, [trial(0, 0.01, 0.5), trial(1, 0.05, 0.75)], 'accuracy')
  const expected = await scatterChart(
    'Trials by learning-rate',
    'learning-rate',
    'validation accuracy',
    [
      {
        name: 'trials',
        points: [
          [0.01, 0.5],
          [0.05, 0.75]
        ]
      }
    ],
    {},
    { log: true }
  )
  const plain = (svg: string): string => svg.replace(/(zr\d+-)?cls-\d+/g, 'class')
  const written = readFileSync(join(folder, 'charts', 'by-learning-rate.svg'), 'utf8')
  expect(plain(written)).toBe(plain(expected.svg))
  expect(readdirSync(join(folder, 'charts')).sort()).toContain('by-hidden-size.svg')
  const [head, best] = readFileSync(join(folder, 'tune.csv'), 'utf8').split('\n')
  expect(head).toBe('trial,learning-rate,hidden-size,trained_epochs,valid_accuracy,state,error')
  expect(best).toBe('1,0.05,16 4,1,0.75,done,')
  rmSync(folder, { recursive: true })
})
