import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { native } from '../../src/native/addon.js'
import type { RawTensor } from '../../src/core/tensor.js'

interface Values {
  data: number[]
  shape: number[]
}

interface Fixture {
  start: Values
  gradients: Values[]
  factors: number[]
  optimizers: {
    optimizer: string
    settings: { momentum?: number; nesterov?: boolean; weight_decay?: number }
    after: Values[]
  }[]
  losses: {
    options: { loss: string; classWeights?: number[] }
    output: Values
    target: number[]
    loss: number
    gradient: Values
  }[]
  schedules: { options: { totalSteps?: number; warmupSteps?: number; stepSize?: number }; factors: number[] }[]
  plateau: { options: object; losses: number[]; factors: number[] }
}

// PyTorch's values: scripts/make-training-fixture.py
const fixture = JSON.parse(readFileSync(join(__dirname, 'fixtures', 'pytorch.json'), 'utf8')) as Fixture
const steps = native().testing.trainingSteps
const plainLoss = { name: 'cross-entropy', labelSmoothing: 0, huberDelta: 1 }
const plainOptimizer = { name: 'adam', momentum: 0, nesterov: false }
const plainSchedule = { name: 'constant', epochs: 1, warmupEpochs: 0, stepEpochs: 1, gamma: 0.1, patience: 10 }
const noChange = {
  ...{ randomCrop: false, cropPadding: 0, horizontalFlip: false, verticalFlip: false },
  ...{ rotation: 0, translate: 0, scaleLow: 1, scaleHigh: 1, shear: 0 },
  ...{ brightness: 0, contrast: 0, saturation: 0, hue: 0, erasing: 0 }
}

const floats = ({ data, shape }: Values): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from(data),
  shape
})
const doubles = ({ data, shape }: Values): RawTensor => {
  const bytes = new Uint8Array(Float64Array.from(data).buffer)
  return { dtype: 'f64', shape, data: bytes }
}
const numbersOf = ({ data, dtype }: RawTensor): number[] => {
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
  return [...(dtype === 'f64' ? new Float64Array(buffer) : new Float32Array(buffer))]
}

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!) / (1 + Math.abs(expected[i]!))))
  expect(worst).toBeLessThanOrEqual(tolerance)
}

describe('optimizers step as in torch.optim', () => {
  test.each(fixture.optimizers)('$optimizer $settings', ({ optimizer, settings, after }) => {
    const { weight_decay: weightDecay = 0, ...own } = settings
    const group = { names: ['parameter'], learningRate: 0.05, weightDecay }
    const [start, gradients] = [floats(fixture.start), fixture.gradients.map(floats)]
    const chosen = { ...plainOptimizer, name: optimizer, ...own }
    const found = steps.optimizerSteps(chosen, group, start, gradients, fixture.factors)
    found.forEach((tensor, i) => expectClose(numbersOf(tensor), after[i]!.data, 2e-6))
    expect(found).toHaveLength(after.length)
  })

  test('an unknown one is refused', () => {
    const group = { names: ['parameter'], learningRate: 0.05, weightDecay: 0 }
    const unknown = { ...plainOptimizer, name: 'adan' }
    expect(() => steps.optimizerSteps(unknown, group, floats(fixture.start), [], [])).toThrow(/optimizer 'adan'/)
  })
})

describe('losses', () => {
  const nativeLoss = ({ loss, classWeights, ...options }: (typeof fixture.losses)[number]['options']) => ({
    ...plainLoss,
    name: loss,
    ...options,
    classWeights: classWeights && { data: Float32Array.from(classWeights), shape: [classWeights.length] }
  })

  test.each(fixture.losses)(
    '$options: value and gradient as in torch',
    ({ options, output, target, loss, gradient }) => {
      const targets = { data: Int32Array.from(target), shape: [target.length] }
      const found = steps.lossAndGradient(nativeLoss(options), doubles(output), targets)
      expect(Math.abs(found.loss - loss)).toBeLessThan(1e-7)
      expectClose(numbersOf(found.gradient), gradient.data, 1e-7)
    }
  )

  test.each(fixture.losses)('$options: gradient by finite differences', ({ options, output, target }) => {
    const targets = { data: Int32Array.from(target), shape: [target.length] }
    const value = (data: number[]): number =>
      steps.lossAndGradient(nativeLoss(options), doubles({ ...output, data }), targets).loss
    const found = numbersOf(steps.lossAndGradient(nativeLoss(options), doubles(output), targets).gradient)
    const h = 1e-6
    const expected = output.data.map((_, i) => {
      const moved = (by: number): number[] => output.data.map((v, j) => (i === j ? v + by : v))
      return (value(moved(h)) - value(moved(-h))) / (2 * h)
    })
    expectClose(found, expected, 1e-7)
  })

  test('mse, mae and huber take values as targets', () => {
    const output = { data: Float32Array.of(1, 2), shape: [2, 1] }
    const targets = { data: Float32Array.of(0, 5), shape: [2] }
    const loss = (name: string): number => steps.lossAndGradient({ ...plainLoss, name }, output, targets).loss
    expect([loss('mse'), loss('mae'), loss('huber')]).toEqual([5, 2, (0.5 + 2.5) / 2])
    expect(() => loss('cross-entropy')).toThrow(/class numbers/)
    expect(() => loss('none')).toThrow(/loss 'none'/)
  })
})

describe('schedules', () => {
  test.each(fixture.schedules)('$options: rates as in torch', ({ options, factors }) => {
    const { totalSteps = 1, warmupSteps = 0, stepSize = 1, ...rest } = options
    const schedule = { ...plainSchedule, ...rest, epochs: totalSteps, warmupEpochs: warmupSteps, stepEpochs: stepSize }
    expectClose(steps.scheduleFactors(schedule, factors.length), factors, 1e-9)
  })

  test('plateau: rates as in torch', () => {
    const { options, losses, factors } = fixture.plateau
    expectClose(steps.plateauFactors({ ...plainSchedule, ...options }, losses), factors, 1e-12)
  })

  test('an unknown one is refused', () => {
    expect(() => steps.scheduleFactors({ ...plainSchedule, name: 'sine' }, 1)).toThrow("there is no scheduler 'sine'")
  })
})

describe('augmentation', () => {
  const plain = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], bgr: false }
  const shape = [4, 3, 6, 5]
  const images = { data: Uint8Array.from({ length: 360 }, (_, i) => (i * 7) % 256), shape }
  const keys = [0, 1, 2, 3]
  const values = (augment: Record<string, number | boolean>, seed = 1, options = plain, given = keys): number[] => [
    ...steps.augment(images, { ...noChange, ...augment }, options, seed, given).data
  ]

  test('nothing asked for, nothing changed but the scale', () => {
    expectClose(
      values({}),
      [...images.data].map((v) => v / 255),
      1e-6
    )
    const normalised = { scale: 255, mean: [1, 2, 3], std: [2, 4, 8], bgr: true }
    const byHand = Array.from({ length: 360 }, (_, i) => {
      const [image, channel, pixel] = [Math.floor(i / 90), Math.floor(i / 30) % 3, i % 30]
      return (images.data[image * 90 + (2 - channel) * 30 + pixel]! - [1, 2, 3][channel]!) / [2, 4, 8][channel]!
    })
    expectClose(values({}, 1, normalised), byHand, 1e-6)
  })

  test('flips move whole rows and columns, and both ways are drawn', () => {
    const rows = (data: number[]): string[] =>
      Array.from({ length: 72 }, (_, i) =>
        data
          .slice(i * 5, i * 5 + 5)
          .map((v) => Math.round(v * 255))
          .join()
      )
    const before = rows(values({}))
    let mirrored = 0
    for (let seed = 0; seed < 16; seed++) {
      const after = rows(values({ horizontalFlip: true }, seed))
      for (let image = 0; image < 4; image++) {
        const flipped = after[image * 18] !== before[image * 18]
        mirrored += Number(flipped)
        const expected = before
          .slice(image * 18, image * 18 + 18)
          .map((row) => (flipped ? row.split(',').reverse().join() : row))
        expect(after.slice(image * 18, image * 18 + 18)).toEqual(expected)
      }
    }
    expect(mirrored).toBeGreaterThan(16)
    expect(mirrored).toBeLessThan(48)
  })

  test.each([
    ['bytes', images],
    ['floats', { data: Float32Array.from(images.data, (value) => value / 255), shape }]
  ])('a crop is a window of the padded image, then mirrored: %s', (_, given) => {
    const padding = 7
    const pixel = (image: number, channel: number, y: number, x: number): number =>
      y < 0 || y >= 6 || x < 0 || x >= 5 ? 0 : images.data[((image * 3 + channel) * 6 + y) * 5 + x]!
    const shifts = Array.from({ length: (2 * padding + 1) ** 2 }, (_, i) =>
      [Math.floor(i / (2 * padding + 1)), i % (2 * padding + 1)].map((shift) => shift - padding)
    ) as [number, number][]
    const turns = [0, 1, 2, 3].map((i) => [i % 2 === 1, i > 1] as const)
    for (let seed = 0; seed < 5; seed++) {
      const augment = { ...noChange, cropPadding: padding, horizontalFlip: true, verticalFlip: true }
      const found = [...steps.augment(given, augment, plain, seed, keys).data].map((v) => Math.round(v * 255))
      for (let image = 0; image < 4; image++) {
        const own = found.slice(image * 90, image * 90 + 90)
        const isWindow = ([dy, dx]: [number, number], [flipY, flipX]: readonly [boolean, boolean]): boolean =>
          own.every((value, i) => {
            const [y, x] = [Math.floor(i / 5) % 6, i % 5]
            return value === pixel(image, Math.floor(i / 30), (flipY ? 5 - y : y) + dy, (flipX ? 4 - x : x) + dx)
          })
        expect(shifts.some((shift) => turns.some((turn) => isWindow(shift, turn)))).toBe(true)
      }
    }
  })

  test('a window smaller than the image lies in its middle, with a random crop anywhere in it', () => {
    const pixel = (image: number, channel: number, y: number, x: number): number =>
      images.data[((image * 3 + channel) * 6 + y) * 5 + x]!
    const windowOf = (own: number[], image: number): string | undefined =>
      [0, 1, 2, 3]
        .flatMap((top) => [0, 1, 2, 3].map((left) => [top, left] as const))
        .find(([top, left]) =>
          own.every(
            (value, i) => value === pixel(image, Math.floor(i / 6), top + (Math.floor(i / 2) % 3), left + (i % 2))
          )
        )
        ?.join()
    const windows = (augment: Record<string, boolean>, seed: number): (string | undefined)[] => {
      const { data, shape } = steps.augment(images, { ...noChange, ...augment }, { ...plain, crop: [3, 2] }, seed, keys)
      expect(shape).toEqual([4, 3, 3, 2])
      const found = [...data].map((value) => Math.round(value * 255))
      return keys.map((image) => windowOf(found.slice(image * 18, image * 18 + 18), image))
    }
    expect(windows({}, 1)).toEqual(keys.map(() => '2,2')) // 1.5 pixels go to the even 2, as in torchvision's CenterCrop
    const drawn = Array.from({ length: 40 }, (_, seed) => windows({ randomCrop: true }, seed)).flat()
    const all = [0, 1, 2, 3].flatMap((top) => [0, 1, 2, 3].map((left) => `${top},${left}`))
    expect([...new Set(drawn)].sort()).toEqual(all)
    expect(() => steps.augment(images, noChange, { ...plain, crop: [7, 2] }, 1, keys)).toThrow(
      /smaller than the network/
    )
  })

  test('an image changes by seed and key alone, whatever stands beside it', () => {
    const all = {
      cropPadding: 1,
      horizontalFlip: true,
      verticalFlip: true,
      rotation: 20,
      translate: 0.1,
      scaleLow: 0.8,
      scaleHigh: 1.2,
      shear: 5
    }
    const colours = { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1, erasing: 0.5 }
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(1e6), { minLength: 4, maxLength: 4 }), (seed, chosen) => {
        const together = values({ ...all, ...colours }, seed, plain, chosen)
        const second = steps.augment(
          { data: images.data.slice(90, 180), shape: [1, 3, 6, 5] },
          { ...noChange, ...all, ...colours },
          plain,
          seed,
          [chosen[1]!]
        )
        expectClose([...second.data], together.slice(90, 180), 1e-5)
        expect(together.every((value) => value >= -1e-6 && value <= 1 + 1e-6)).toBe(true)
      }),
      { numRuns: 25 }
    )
    expect(values({ ...all, ...colours }, 1)).not.toEqual(values({ ...all, ...colours }, 2))
  })

  test('a turn by nothing and a zoom by one leave an image as it is', () => {
    expectClose(values({ rotation: 1e-9, scaleHigh: 1 + 1e-9 }), values({}), 1e-5)
  })

  test('erasing sets one rectangle to the mean and nothing else', () => {
    const before = values({})
    const after = values({ erasing: 1 }, 3)
    const changed = after.filter((value, i) => value !== before[i])
    expect(changed.length).toBeGreaterThan(0)
    expect(changed.every((value) => value === 0)).toBe(true)
  })
})
