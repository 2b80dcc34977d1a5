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
  expect(String(stderr.read())).toContain('note: all images are of one class (cat)')
})
