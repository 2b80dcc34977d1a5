import { readFileSync, writeFileSync } from 'node:fs'
import { explain } from '../../dist/explain/explain.js'
import { Model } from '../../dist/model/model.js'
import { native } from '../../dist/native/addon.js'
import { networks, randomInput } from './networks.mjs'

/** What is measured, with the ratio to reach on VGG-16. */
export const rules = [
  { name: 'epsilon', options: { rule: 'epsilon' }, target: 1.12 },
  { name: '0', options: { rule: '0' }, target: 1.12 },
  { name: 'zplus', options: { rule: 'zplus' }, target: 1.6 },
  { name: 'alpha1beta0', options: { rule: 'alpha1beta0' }, target: 1.6 },
  { name: 'gamma', options: { rule: 'gamma' }, target: 1.7 },
  { name: 'alpha2beta1', options: { rule: 'alpha2beta1' }, target: 2.1 },
  { name: 'epsilon-plus', options: { composite: 'epsilon-plus' }, target: 1.7 },
  { name: 'epsilon-gamma-box', options: { composite: 'epsilon-gamma-box', low: -3, high: 3 }, target: 1.7 }
]

/**
 * Every rule and the baseline in turn, `repeat` times in one process; the ratio is the median over rounds of each
 * round's own, so that a machine that becomes slower slows both sides.
 */
export async function measureRules({ network, batch, threads, repeat, device }) {
  native().setThreads(threads)
  const model = await Model.create(await networks[network](), device)
  const images = randomInput([batch, ...model.imageShape])
  const targets = { data: new Int32Array(batch), shape: [1, batch] }
  const baseline = () => model.handle.attribute(images, { method: 'gradient', targets, plain: true })
  const cases = rules
    .filter(({ name }) => model.graph.nodes.some((node) => node.op === 'conv2d') || !name.includes('box'))
    .map((rule) => ({ ...rule, run: () => explain(model, images, { ...rule.options, batchSize: batch, target: 0 }) }))
  const many = manyTargets(model, images)
  for (const run of [baseline, ...cases.map((one) => one.run)]) await run() // warm-up: split weights are made and kept
  const rounds = []
  for (let i = 0; i < repeat; i++) {
    const base = await timed(baseline)
    const ours = []
    for (const one of cases) ours.push(await timed(one.run))
    rounds.push({ base, ours, many: batch === 1 ? await many() : undefined })
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
      ...cases.map(({ name, target }, i) => summary(name, target, rounds, (round) => round.ours[i])),
      ...(batch === 1 ? [manySummary(rounds)] : [])
    ]
  }
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
