import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { areaOver } from '../../src/evaluate/perturbation/areas.js'
import { evaluate } from '../../src/evaluate/evaluate.js'
import type { EvaluateOptions } from '../../src/evaluate/options.js'
import type { Explainer } from '../../src/evaluate/methods.js'
import type { ExplainOptions } from '../../src/explain/options.js'
import { METRICS } from '../../src/evaluate/metrics/registry.js'
import { bootstrapMean } from '../../src/evaluate/statistics/intervals.js'
import type { Evaluation } from '../../src/evaluate/results.js'
import { probabilities } from '../../src/core/logits.js'
import { explain } from '../../src/explain/explain.js'
import { readInputs } from '../../src/explain/inputs.js'
import type { Model } from '../../src/model/model.js'
import { train } from '../../src/train/train.js'
import { cli } from '../cli/run.js'

jest.setTimeout(600_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-evaluate-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The rule gamma by means of the caller's own. */
const own: Explainer = {
  name: 'own',
  explain: async (one, images, targets) =>
    (await explain(one, images, { rule: 'gamma', gamma: 0.5, targets })).relevance.data
}

/** epsilon, its maps' signs turned round. */
const turned: Explainer = {
  name: 'turned',
  explain: async (model, images, targets) =>
    (await explain(model, images, { rule: 'epsilon', targets })).relevance.data.map((value) => -value)
}

describe('methods compared on the shipped digits', () => {
  let model: Model
  let evaluation: Evaluation
  const folder = join(root, 'out')
  beforeAll(async () => {
    const trained = await train({ model: 'lenet', epochs: 15, experimentsRoot: root, experimentName: 'lenet' })
    model = trained.model
    const methods = ['epsilon', 'alpha2beta1', 'random', turned]
    evaluation = await evaluate(model, { methods, limit: 40, output: folder })
  })
  afterAll(() => model.dispose())

  const abc = (name: string) => evaluation.methods.find((method) => method.name === name)!.scores.abc!

  describe('with a target', () => {
    const how = { metrics: ['abc', 'random_logit'], limit: 6, perturbation: { steps: 4 } }
    const at0 = async (options: EvaluateOptions): Promise<number> => {
      const { methods } = await evaluate(model, { ...how, methods: ['epsilon', 'gradient'], ...options })
      expect(new Set(methods.map(({ morf }) => morf.mean[0])).size).toBe(1) // the same number is explained by all methods
      return methods[0]!.morf.mean[0]!
    }
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

    test('the class is named, listed or the true one', async () => {
      const { input, labels } = await readInputs(model, { limit: 6 })
      const logits = await model.forward(input)
      const p = Array.from(probabilities(logits))
      const of = (classes: ArrayLike<number>): number => mean(Array.from(classes, (c, i) => p[i * 10 + c]!))
      const listed = [3, 1, 4, 1, 5, 9]
      expect(await at0({ target: 3 })).toBeCloseTo(of(Array<number>(6).fill(3)), 6)
      expect(await at0({ target: listed })).toBeCloseTo(of(listed), 6)
      expect(await at0({ target: 'label' })).toBeCloseTo(of(labels!), 6)
      await expect(at0({ target: 'all' })).rejects.toThrow('one class for each image')
      await expect(at0({ target: 'cat' })).rejects.toThrow("there is no class 'cat'")
    })

    test('a class is compared with another, which stays the same while the image changes', async () => {
      const { input } = await readInputs(model, { limit: 6 })
      const { scores } = await explain(model, input, { against: 'runner-up' })
      expect(await at0({ against: 'runner-up' })).toBeCloseTo(mean(Array.from(scores, sigmoid)), 6)
      const two = await explain(model, input, { target: 3, against: 5 })
      expect(await at0({ target: 3, against: 5 })).toBeCloseTo(mean(Array.from(two.scores, sigmoid)), 6)
      const maps = (against: 'runner-up' | 5) =>
        evaluate(model, { ...how, metrics: ['conservation_error'], methods: ['epsilon'], target: 3, against })
      const found = (await maps('runner-up')).methods[0]!.scores.conservation_error!.values
      const own = await explain(model, input, { rule: 'epsilon', target: 3, against: 'runner-up' })
      found.forEach((error, i) => expect(error).toBeCloseTo(Math.abs(own.sums[i]! - own.scores[i]!) / Math.abs(own.scores[i]!), 4)) // prettier-ignore
    })

    test('on the command line', async () => {
      const flags = ['--rules', 'epsilon,gradient', '--target', '3', '--against', '5', '--limit', '4', '--flips', '4']
      const output = join(root, 'against')
      const { status } = await cli('evaluate', join(root, 'lenet'), ...flags, '--metrics', 'abc', '--output', output)
      expect(status).toBe(0)
      expect(readFileSync(join(output, 'evaluation.json'), 'utf8')).toMatch(/"against": 5/)
    })
  })

  test('LRP beats random clearly, and turning the signs turns it round', () => {
    for (const rule of ['epsilon', 'alpha2beta1']) {
      expect(abc(rule).low).toBeGreaterThan(abc('random').high)
      expect(abc(rule).low).toBeGreaterThan(0.2)
    }
    expect(abc('turned').high).toBeLessThan(-0.2)
    expect(abc('turned').mean).toBeCloseTo(-abc('epsilon').mean, 1)
    expect(evaluation.methods.at(-1)!.name).toBe('turned')
    const test = evaluation.comparisons.find(({ other }) => other === 'random')!
    expect(test.p).toBeLessThan(0.001)
  })

  test('every figure can be traced to the values of the images', () => {
    const saved = JSON.parse(readFileSync(join(folder, 'evaluation.json'), 'utf8')) as Evaluation
    expect(saved).toEqual(JSON.parse(JSON.stringify(evaluation)))
    expect(saved.provenance.modelSha256).toMatch(/^[0-9a-f]{64}$/)
    for (const method of saved.methods) {
      const { values, ...interval } = method.scores.abc!
      expect(bootstrapMean(values as number[], saved.settings.seed)).toEqual(interval)
      // the mean of areas is the area under the mean curve
      const between = areaOver(method.lerf.shares, method.lerf.mean) - areaOver(method.morf.shares, method.morf.mean)
      expect(between).toBeCloseTo(interval.mean, 9)
    }
    for (const file of [
      'ranking.csv',
      'scores.csv',
      'morf.svg',
      'lerf.png',
      'flips.svg',
      'perturbed.png',
      'perturbed.webp'
    ]) {
      expect(existsSync(join(folder, file))).toBe(true)
    }
    expect(existsSync(join(folder, 'progress.jsonl'))).toBe(false)
    expect(readFileSync(join(folder, 'scores.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 4 * 40)
  })

  test('every stage tells how far it is', async () => {
    const told: [number, number, string][] = []
    const onProgress = (...step: [number, number, string]): unknown => told.push(step)
    await evaluate(model, {
      methods: ['epsilon', 'gradient'],
      metrics: ['abc'],
      limit: 3,
      randomisation: 1,
      onProgress
    })
    expect(told).toEqual([
      [3, 11, 'image 3 of 3, epsilon'],
      [6, 11, 'image 3 of 3, gradient'],
      [7, 11, 'random orders 1 of 3'],
      [8, 11, 'random orders 2 of 3'],
      [9, 11, 'random orders 3 of 3'],
      [10, 11, 'parameter randomisation, method 1 of 2'],
      [11, 11, 'parameter randomisation, method 2 of 2']
    ])
  })

  test('stopped and started again it goes on, and finds the same', async () => {
    const output = join(root, 'resumed')
    const options = { methods: ['epsilon', 'gradient'], metrics: ['abc'], limit: 70, output }
    const controller = new AbortController()
    const stopped = evaluate(model, { ...options, signal: controller.signal, onProgress: () => controller.abort() })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    appendFileSync(join(output, 'progress.jsonl'), '{"key": "cut off')
    const seen: number[] = []
    const resumed = await evaluate(model, { ...options, onProgress: (done) => seen.push(done) })
    expect(seen[0]).toBe(64) // the first 32 images were kept
    expect(resumed).toEqual(await evaluate(model, { ...options, output: undefined }))
  })

  test('stopped twice, and with a line that was cut off, it still has every image once', async () => {
    const options = { methods: ['gradient'], metrics: ['abc'], limit: 110, output: join(root, 'twice') }
    for (const [stops, cut] of [
      [1, '{"method": "gradient", "images": [{"sco'],
      [2, '']
    ] as const) {
      const controller = new AbortController()
      let chunks = 0
      const onProgress = (): void => void (++chunks === stops && controller.abort())
      const stopped = evaluate(model, { ...options, signal: controller.signal, onProgress })
      await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
      appendFileSync(join(options.output, 'progress.jsonl'), cut)
    }
    expect(await evaluate(model, options)).toEqual(await evaluate(model, { ...options, output: undefined }))
  })

  test('it goes on only with the same settings of a method', async () => {
    const output = join(root, 'settings')
    const by = (epsilon: number): ExplainOptions => ({ rule: 'epsilon', epsilon })
    const options = { metrics: ['abc'], limit: 70 }
    const controller = new AbortController()
    const stop = { signal: controller.signal, onProgress: () => controller.abort() }
    await expect(evaluate(model, { ...options, ...stop, methods: [by(0.001)], output })).rejects.toThrow()
    const other = await evaluate(model, { ...options, methods: [by(10)], output })
    expect(other).toEqual(await evaluate(model, { ...options, methods: [by(10)] }))
  })

  test('a method can be options of explain, named by their rule, composite or method', async () => {
    const chosen: ExplainOptions[] = [{ rule: 'gamma', gamma: 0.5 }, { method: 'gradient' }, { epsilon: 0.1 }]
    const found = await evaluate(model, { methods: [...chosen, own], metrics: ['abc'], limit: 3 })
    expect(found.settings.methods).toEqual(['gamma gamma=0.5', 'gradient', 'auto epsilon=0.1', 'own'])
    const [gamma, same] = ['gamma gamma=0.5', 'own'].map((name) => found.methods.find((one) => one.name === name)!)
    expect(gamma!.scores).toEqual(same!.scores)
  })

  test('every metric gives a finite number, and good maps score better than noise', async () => {
    const found = await evaluate(model, { methods: ['epsilon', 'random'], metrics: 'all', limit: 12 })
    const [epsilon, random] = ['epsilon', 'random'].map((name) => found.methods.find((one) => one.name === name)!)
    for (const { name } of METRICS.filter(({ needs }) => !needs.includes('mask'))) {
      expect([name, epsilon!.scores[name]!.values.every(Number.isFinite)]).toEqual([name, true])
    }
    for (const name of ['faithfulness_correlation', 'sensitivity_n', 'insertion', 'abc', 'aopc']) {
      expect([name, epsilon!.scores[name]!.mean > random!.scores[name]!.mean]).toEqual([name, true])
    }
    for (const name of ['infidelity', 'deletion', 'road', 'max_sensitivity', 'local_lipschitz', 'completeness_error']) {
      expect([name, epsilon!.scores[name]!.mean < random!.scores[name]!.mean]).toEqual([name, true])
    }
  })

  test('randomised weights destroy gradient and epsilon, less so alpha1beta0 and guided backprop', async () => {
    const methods = ['gradient', 'epsilon', 'alpha1beta0', 'guided-backprop']
    const { randomisation } = await evaluate(model, { methods, metrics: ['abc'], limit: 10, randomisation: 10 })
    const end = Object.fromEntries(methods.map((name) => [name, randomisation[name]!.at(-1)!]))
    expect(randomisation.epsilon!.map(({ layer }) => layer)).toEqual(['11', '9', '7', '3', '0'])
    for (const name of ['gradient', 'epsilon'])
      expect([name, Math.abs(end[name]!.spearman) < 0.25]).toEqual([name, true])
    expect(end.alpha1beta0!.ssim).toBeGreaterThan(Math.max(end.epsilon!.ssim, end.gradient!.ssim) + 0.1)
    expect(end['guided-backprop']!.ssim).toBeGreaterThan(end.gradient!.ssim)
  })

  test('the command line prints the ranking and writes into the experiment', async () => {
    const args = ['evaluate', '--experiments', root, '--limit', '12', '--rules', 'epsilon,random', '--fill', 'inpaint']
    const { status, out } = await cli(...args, '--patch-size', '2', '--growing', '--metrics', 'all')
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(status).toBe(0)
    expect(out).toMatch(/^epsilon +[\d.-]+ \[/m)
    expect(existsSync(join(root, 'lenet', 'evaluation', 'evaluation.json'))).toBe(true)
  })

  test.each([
    [['--rules', 'epsilom,random'], 2, "'epsilon'"],
    [['--rules', 'epsilon,epsilon'], 2, "names 'epsilon' twice"],
    [['--rules', 'epsilon,gradient', '--gamma', '1'], 2, '--gamma has no effect on epsilon, gradient'],
    [['--metrics', 'abd'], 2, "'abc'"],
    [['--fill', 'grey'], 2, 'fill'],
    [['--share', '2'], 2, 'share'],
    [['--attribution', 'a.npy'], 2, '--input']
  ])('%j is refused with one sentence', async (args, status, message) => {
    const result = await cli('evaluate', '--experiments', root, ...args)
    expect([result.status, result.out]).toEqual([status, ''])
    expect(result.err).toContain(message)
  })
})
