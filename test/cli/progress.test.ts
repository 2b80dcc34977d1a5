import { PassThrough } from 'node:stream'
import { expect, jest, test } from '@jest/globals'
import { CliContext, Output } from '../../src/cli/context.js'
import { trainProgress } from '../../src/cli/train-progress.js'
import { dataProgress } from '../../src/cli/data-progress.js'
import type { Dataset } from '../../src/data/dataset.js'
import type { BatchEvent } from '../../src/native/train-types.js'

function outputTo(stderr: PassThrough): Output {
  return new Output(new CliContext(new PassThrough(), stderr, new AbortController().signal), {})
}

test('within an epoch there is a line every ten seconds where stderr is no terminal', () => {
  const stderr = new PassThrough()
  const now = jest.spyOn(Date, 'now').mockReturnValue(1e12)
  try {
    const { onProgress } = trainProgress(outputTo(stderr))
    for (let second = 0; second < 25; second++) {
      now.mockReturnValue(1e12 + second * 1000)
      const event = { kind: 'batch', epoch: 2, batch: second, batches: 40, loss: 1, accuracy: 0.5, imagesPerSecond: 9 }
      onProgress(event as BatchEvent)
    }
  } finally {
    now.mockRestore()
  }
  const lines = String(stderr.read()).trim().split('\n')
  expect(lines.map((line) => /batch (\d+)\/40: loss 1.0000, accuracy 0.5000; 9 images\/s$/.exec(line)?.[1])).toEqual([
    '0',
    '10',
    '20'
  ])
})

test('a meter says the last step, and nothing twice', () => {
  const stderr = new PassThrough()
  const { onProgress } = outputTo(stderr).meter('images')
  for (const done of [1, 2, 9, 10, 10]) onProgress(done, 10)
  expect(String(stderr.read())).toBe('1/10 images\n10/10 images\n')
})

test('a meter of stages names them, and the time left at the pace since the first', () => {
  const stderr = new PassThrough()
  const now = jest.spyOn(Date, 'now').mockReturnValue(1e12)
  try {
    const { onProgress } = outputTo(stderr).meter('steps')
    onProgress(40, 100, 'image 40 of 50, gradient') // continued: the 40 say nothing about the pace
    now.mockReturnValue(1e12 + 10_000)
    onProgress(50, 100, 'image 50 of 50, gradient')
    now.mockReturnValue(1e12 + 200_000)
    onProgress(60, 100, 'random orders 10 of 50')
  } finally {
    now.mockRestore()
  }
  expect(String(stderr.read())).toBe(
    '40/100 steps: image 40 of 50, gradient\n' +
      '50/100 steps: image 50 of 50, gradient, about 50 s left\n' +
      '60/100 steps: random orders 10 of 50, about 7 min left\n'
  )
})

test('images of one class alone get a note', () => {
  const stderr = new PassThrough()
  const split = { images: new Uint8Array(3), labels: Int32Array.of(0, 0, 0) }
  const dataset = {
    name: 'folder',
    classes: ['cat'],
    imageShape: [1, 1, 1],
    splits: { train: split, valid: split, test: split }
  }
  dataProgress(outputTo(stderr)).onData({ ...dataset, skipped: [] } as unknown as Dataset)
  expect(String(stderr.read())).toContain('note: all images belong to one class (cat)')
})
