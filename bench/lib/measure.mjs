import { readFileSync, writeFileSync } from 'node:fs'
import { explain } from '../../dist/explain/explain.js'
import { Model } from '../../dist/model/model.js'
import { native } from '../../dist/native/addon.js'
import { networks, randomInput } from './networks.mjs'

const written = (name) => JSON.parse(readFileSync(new URL(`../../examples/rules/${name}.json`, import.meta.url)))

/** One rule for all weighted layers as the data form of examples/rules, which follows its definition term by term. */
const byDefinition = (name, settings = {}) => ({ options: { composite: written(`my-${name}`), ...settings } })

/** The rules for linear layers of a composite for transformers, by their definitions. */
function transformer(layers) {
  const held = ['softmax', 'matmul', 'scaled_dot_product_attention'].map((op) => ({ op, rule: 'attention' }))
  const plain = { stabiliser: 'plain' }
  const rest = [
    { op: 'layer_norm', rule: 'epsilon', parameters: plain },
    { kind: 'sum', rule: 'norm', parameters: { ...plain, epsilon: 1e-8 } },
    { kind: 'average', rule: 'norm', parameters: plain }
  ]
  const rules = [...new Set(layers.map(({ rule }) => rule))].filter((rule) => rule.startsWith('my-')).map(written)
  return { options: { composite: { name: 'test', rules, layers: [...layers, ...held, ...rest] } } }
}
const attnlrpGamma = (rule) =>
  transformer([
    { kind: 'convolution', rule, parameters: { gamma: 0.25 } },
    { kind: 'linear', rule, parameters: { gamma: 0.05 } }
  ])

/** What is measured on transformers, with the ratios to reach on ViT-B/16. */
const transformerRules = [
  { name: 'attnlrp', options: { composite: 'attnlrp' }, target: 1.1 },
  {
    name: 'attnlrp-gamma',
    options: { composite: 'attnlrp-gamma' },
    reference: attnlrpGamma('my-gamma').options,
    target: 2.0
  },
  {
    name: 'alpha2beta1, linear layers',
    options: transformer([{ kind: 'weighted', rule: 'alpha2beta1' }]).options,
    reference: transformer([{ kind: 'weighted', rule: 'my-alphabeta' }]).options,
    target: 2.1
  }
]

/** What is measured on other networks, with the ratio to reach on VGG-16 and a reference to compare the maps with. */
const convolutionalRules = [
  { name: 'epsilon', options: { rule: 'epsilon' }, target: 1.12, reference: byDefinition('epsilon').options },
  { name: '0', options: { rule: '0' }, target: 1.12 },
  { name: 'zplus', options: { rule: 'zplus' }, target: 1.6, reference: byDefinition('zplus').options },
  { name: 'alpha1beta0', options: { rule: 'alpha1beta0' }, target: 1.6 },
  { name: 'gamma', options: { rule: 'gamma' }, target: 1.7, reference: byDefinition('gamma').options },
  { name: 'alpha2beta1', options: { rule: 'alpha2beta1' }, target: 2.1, reference: byDefinition('alphabeta').options },
  { name: 'epsilon-plus', options: { composite: 'epsilon-plus' }, target: 1.7 },
  { name: 'epsilon-gamma-box', options: { composite: 'epsilon-gamma-box', low: -3, high: 3 }, target: 1.7 }
]

/** The baseline: forward and input gradient of class 0 by plain autograd, in the usual memory layout. */
export function forwardAndGradient(model, images) {
  const batch = images.shape[0]
  const target = { binary: false, independent: false, classes: { data: new Int32Array(batch), shape: [1, batch] } }
  return native().testing.attributePlain(
    model.handle,
    [{ images, method: 'gradient', settings: {}, layers: [], target }],
    {}
  )
}

/**
 * Every rule and the baseline in turn, `repeat` times in one process; the ratio is the median over rounds of each
 * round's own, so that a machine that becomes slower slows both sides.
 */
export async function measureRules({ network, batch, threads, repeat, device }) {
  native().setThreads(threads)
  const model = await Model.create(await networks[network](), device)
  const images = randomInput([batch, ...model.imageShape])
  const baseline = () => forwardAndGradient(model, images)
  const attends = model.graph.nodes.some((node) => node.op === 'layer_norm')
  const cases = (attends ? transformerRules : convolutionalRules)
    .filter(({ name }) => model.graph.nodes.some((node) => node.op === 'conv2d') || !name.includes('box'))
    .map((rule) => ({ ...rule, run: () => explain(model, images, { ...rule.options, batchSize: batch, target: 0 }) }))
  const many = attends ? undefined : manyTargets(model, images)
  for (const run of [baseline, ...cases.map((one) => one.run)]) await run() // warm-up: split weights are made and kept
  for (const one of cases) one.difference = one.reference && (await differenceOf(model, images, one))
  const rounds = []
  for (let i = 0; i < repeat; i++) {
    const base = await timed(baseline)
    const ours = []
    for (const one of cases) ours.push(await timed(one.run))
    rounds.push({ base, ours, many: batch === 1 && many ? await many() : undefined })
  }
  const base = median(rounds.map((round) => round.base.milliseconds))
  const peak = median(rounds.map((round) => round.base.peakMegabytes))
  model.dispose()
  return {
    network,
    batch,
    threads,
    device,
    baseline: { milliseconds: base, peakMegabytes: peak },
    rules: [
      ...cases.map(({ name, target, difference }, i) => ({
        ...summary(name, target, rounds, (round) => round.ours[i]),
        difference
      })),
      ...(batch === 1 && many ? [manySummary(rounds)] : [])
    ]
  }
}

/** Largest difference to the map of the reference, as a share of its largest value. */
async function differenceOf(model, images, { options, reference }) {
  const of = (how) => explain(model, images, { ...how, batchSize: images.shape[0], target: 0 })
  const [ours, theirs] = [(await of(options)).relevance.data, (await of(reference)).relevance.data]
  const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i])), 0) / largest
}

function summary(name, target, rounds, pick) {
  return {
    name,
    target,
    milliseconds: median(rounds.map((round) => pick(round).milliseconds)),
    ratio: median(rounds.map((round) => pick(round).milliseconds / round.base.milliseconds)),
    memoryRatio: median(rounds.map((round) => pick(round).peakMegabytes / round.base.peakMegabytes))
  }
}

/** Ten targets of one image in one call, over ten separate calls. */
function manyTargets(model, images) {
  const targets = Array.from({ length: 10 }, (_, i) => i)
  return async () => {
    const together = await timed(() => explain(model, images, { rule: 'epsilon', target: targets }))
    const apart = await timed(async () => {
      for (const target of targets) await explain(model, images, { rule: 'epsilon', target })
    })
    return { together, apart }
  }
}

function manySummary(rounds) {
  return {
    name: 'epsilon, 10 targets / 10 runs',
    target: 0.7,
    milliseconds: median(rounds.map((round) => round.many.together.milliseconds)),
    ratio: median(rounds.map((round) => round.many.together.milliseconds / round.many.apart.milliseconds)),
    memoryRatio: median(rounds.map((round) => round.many.together.peakMegabytes / round.many.apart.peakMegabytes))
  }
}

async function timed(run) {
  resetPeak()
  const begun = performance.now()
  await run()
  return { milliseconds: performance.now() - begun, peakMegabytes: peakMegabytes() }
}

/** Linux: the peak of resident memory starts anew. Elsewhere memory is not measured. */
export function resetPeak() {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {}
}

export function peakMegabytes() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
  } catch {
    return NaN
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}
