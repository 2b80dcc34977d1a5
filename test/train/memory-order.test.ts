import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { plainPreprocessing } from '../../src/model/preprocessing.js'
import { saveParts } from '../../src/model/save.js'
import { train } from '../../src/train/train.js'
import { floats, relativeError } from '../shared.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-memory-order-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A layer norm over channels, as ConvNeXt has: the convolution behind it sees its input channels last, unless it is copied. */
async function weightsAfterTraining(name: string, copied: boolean, optimizer: 'sgd' | 'adam'): Promise<number[][]> {
  const b = new GraphBuilder([1, 8, 8])
  let x = b.add('last', 'permute', [b.convolution('stem', 'input', 4, 3, { padding: 1 })], { dims: [0, 2, 3, 1] })
  x = b.add('first', 'permute', [b.layerNorm('norm', x)], { dims: [0, 3, 1, 2] })
  if (copied) x = b.add('copy', 'reshape', [b.add('rows', 'flatten', [x], { start_dim: 1 })], { shape: [-1, 4, 8, 8] })
  x = b.add('relu', 'relu', [b.convolution('down', x, 6, 2, { stride: 2 })])
  const head = b.linear('head', b.add('flat', 'flatten', [x], { start_dim: 1 }), 10)
  const classes = Array.from({ length: 10 }, (_, i) => String(i))
  const parts = await initialise(b.finish(name, head, plainPreprocessing([1, 8, 8])), 7, classes)
  await saveParts(join(folder, name), { ...parts, preprocessing: plainPreprocessing([1, 8, 8]) })
  const settings = { optimizer, learningRate: 0.01, scheduler: 'constant', epochs: 1, seed: 2 } as const
  const { model } = await train({ from: join(folder, name), ...settings, experimentsRoot: folder })
  const tensors = await model.stateDict()
  model.dispose()
  return ['stem.weight', 'down.weight', 'head.weight'].map((tensor) => [
    ...(floats(tensors.get(tensor)!).data as Float32Array)
  ])
}

test.each(['sgd', 'adam'] as const)(
  '%s takes the same steps whatever the order of an input in memory',
  async (optimizer) => {
    const [a, b] = [
      await weightsAfterTraining(`plain-${optimizer}`, true, optimizer),
      await weightsAfterTraining(`last-${optimizer}`, false, optimizer)
    ]
    a.forEach((values, i) => {
      const [ours, theirs] = [values, b[i]!].map((data) => ({ data: Float32Array.from(data), shape: [data.length] }))
      expect(relativeError(theirs!, ours!)).toBeLessThan(1e-3)
    })
  }
)
