import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { explainLayer } from '../layer.js'
import type { RuleParameters } from '../../src/native/addon.js'
import { relativeError } from '../shared.js'
import { weight } from '../models.js'

// gamma and alphabeta take the short way of native/rules/two_signs.h; here is what they are defined as, in double.

interface Case {
  images: number
  inputs: number
  outputs: number
  /** Added to all values between -0.5 and 0.5: near 0.5 hardly any contribution is negative, and N is far below z. */
  shift: number
  seed: number
}

const cases: fc.Arbitrary<Case> = fc.record({
  images: fc.integer({ min: 1, max: 3 }),
  inputs: fc.integer({ min: 17, max: 400 }),
  outputs: fc.integer({ min: 1, max: 40 }),
  shift: fc.constantFrom(0, 0.2, 0.4, 0.45, 0.49, 0.495, 0.499),
  seed: fc.integer({ min: 1, max: 1e6 })
})

interface Layer {
  x: Float32Array
  W: Float32Array
  b: Float32Array
  R: Float32Array
}

function layerOf({ images, inputs, outputs, shift, seed }: Case): Layer {
  let state = seed
  const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5
  const draw = (length: number, more = 0): Float32Array => Float32Array.from({ length }, () => next() + more)
  return {
    x: draw(images * inputs, shift),
    W: draw(outputs * inputs, shift),
    b: draw(outputs),
    R: draw(images * outputs)
  }
}

const stabilised = (z: number): number => z + (z < 0 ? -1e-6 : 1e-6)

/** Relevance of every input: the share of each contribution in the part of z that it belongs to. */
function reference(one: Case, { x, W, b, R }: Layer, share: (c: number, z: number, P: number, N: number) => number) {
  const result = new Float64Array(x.length)
  for (let image = 0; image < one.images; image++) {
    for (let out = 0; out < one.outputs; out++) {
      const contributions = Array.from(
        { length: one.inputs },
        (_, i) => x[image * one.inputs + i]! * W[out * one.inputs + i]!
      )
      const all = [...contributions, b[out]!]
      const P = all.reduce((sum, c) => sum + Math.max(c, 0), 0)
      const N = all.reduce((sum, c) => sum + Math.min(c, 0), 0)
      const arriving = R[image * one.outputs + out]!
      contributions.forEach((c, i) => (result[image * one.inputs + i]! += share(c, P + N, P, N) * arriving))
    }
  }
  return { data: Float32Array.from(result), shape: [one.images, one.inputs] }
}

async function ours(one: Case, { x, W, b, R }: Layer, rule: string, ruleParameters: RuleParameters) {
  return explainLayer({
    op: 'linear',
    attributes: {},
    parameters: { weight: weight([one.outputs, one.inputs], W), bias: weight([one.outputs], b) },
    inputs: [weight([one.images, one.inputs], x)],
    relevance: weight([one.images, one.outputs], R),
    rule,
    ruleParameters
  })
}

describe('rules for contributions of both signs are what they are defined as', () => {
  test.each([0, 0.05, 0.25, 10])('gamma %d', (gamma) =>
    fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const layer = layerOf(one)
        const boosted = (c: number, side: number): number => c + gamma * Math.max(side * c, 0) * side
        const wanted = reference(one, layer, (c, z, P, N) =>
          z > 0 ? boosted(c, 1) / stabilised(z + gamma * P) : z < 0 ? boosted(c, -1) / stabilised(z + gamma * N) : 0
        )
        // where z is nearly 0 and gamma small, z itself is what float32 makes of it
        expect(relativeError(await ours(one, layer, 'gamma', { gamma }), wanted)).toBeLessThan(
          gamma < 0.1 ? 2e-3 : 1e-5
        )
      }),
      { numRuns: 60, seed: 7 }
    )
  )

  test.each([
    [1, 0],
    [2, 1],
    [1.5, 0.5]
  ])('alphabeta %d, %d', (alpha, beta) =>
    fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const layer = layerOf(one)
        const wanted = reference(one, layer, (c, _, P, N) =>
          c > 0 ? (alpha * c) / stabilised(P) : (-beta * c) / stabilised(N)
        )
        expect(relativeError(await ours(one, layer, 'alphabeta', { alpha, beta }), wanted)).toBeLessThan(1e-5)
      }),
      { numRuns: 60, seed: 7 }
    )
  )
})
