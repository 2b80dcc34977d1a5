import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { MAP_METRICS, scoreMaps } from '../../../src/evaluate/score-maps.js'
import { METRICS, chooseMetrics } from '../../../src/evaluate/metrics/registry.js'
import { explain } from '../../../src/explain/explain.js'
import { Model } from '../../../src/model/model.js'
import { packageRoot } from '../../../src/core/paths.js'
import type { Tensor } from '../../../src/core/tensor.js'
import { linearModel } from './linear.js'

describe('the registry', () => {
  test('names are unique, and docs/metrics.md has every one with its reference', () => {
    expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length)
    const rows = readFileSync(join(packageRoot, 'docs', 'metrics.md'), 'utf8').split('\n')
    for (const { name, reference } of METRICS) {
      const row = rows.find((line) => line.startsWith('|') && line.split('|')[1]!.includes(`\`${name}\``))
      expect([name, row?.includes(reference)]).toEqual([name, true])
    }
    for (const name of MAP_METRICS) expect(rows.join('\n')).toContain(name.split('.')[0])
  })

  const given = {
    model: true,
    classes: true,
    others: true,
    image: true,
    neighbours: true,
    mask: false,
    explainer: false,
    shift: false
  }
  test('all are those that what is given allows', () => {
    const names = chooseMetrics('all', METRICS, given).map(({ name }) => name)
    expect(names).toContain('infidelity')
    expect(names).not.toContain('pointing_game')
    expect(names).not.toContain('max_sensitivity')
  })

  test.each([
    ['pointing_gam', "'pointing_game'"],
    ['pointing_game', "the metric 'pointing_game' needs a mask: pass --mask"],
    ['max_sensitivity', "the metric 'max_sensitivity' needs an explanation method"]
  ])('%s is refused with a sentence', (name, message) => {
    expect(() => chooseMetrics([name], METRICS, given)).toThrow(message)
  })
})

describe('given maps of a linear network', () => {
  let model: Model
  let input: Tensor
  let attribution: Tensor
  beforeAll(async () => {
    model = await linearModel()
    input = { data: Float32Array.from({ length: 2 * 36 }, (_, i) => Math.cos(i) + 1.2), shape: [2, 1, 6, 6] }
    attribution = (await explain(model, input, { method: 'input-x-gradient', target: 1 })).relevance
  })
  afterAll(() => model.dispose())

  test('all metrics that need no more than model and map, seeded', async () => {
    const options = {
      input,
      attribution,
      target: [1, 1],
      mask: { data: Float32Array.of(0, 0, 3, 3, 1, 1, 4, 4), shape: [2, 4] }
    }
    const scores = await scoreMaps(model, options)
    expect(Object.keys(scores)).toEqual(MAP_METRICS)
    for (const [name, values] of Object.entries(scores)) expect([name, values.length]).toEqual([name, 2])
    expect(await scoreMaps(model, options)).toEqual(scores)
    const other = await scoreMaps(model, { ...options, seed: 5 })
    expect(other.faithfulness_correlation).not.toEqual(scores.sensitivity_n)
    expect(other.sparseness).toEqual(scores.sparseness)
  })

  test('rows without neighbours have the scores that need none', async () => {
    const flat = await linearModel([36])
    const scores = await scoreMaps(flat, {
      input: { ...input, shape: [2, 36] },
      attribution: { ...attribution, shape: [2, 36] }
    })
    expect(Object.keys(scores)).toEqual(expect.arrayContaining(['pixel_flipping.morf.black', 'completeness_error']))
    expect(Object.keys(scores)).toContain('deletion')
    expect(Object.keys(scores)).not.toContain('insertion')
    flat.dispose()
  })
})
