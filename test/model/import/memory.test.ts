import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { exportModel } from '../../../src/model/export/index.js'
import { Model } from '../../../src/model/model.js'

const MEGABYTES = 192
const folder = mkdtempSync(join(tmpdir(), 'lrp-memory-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const status = (field: string) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024

/** Whether this system lets a process begin its peak of resident memory anew. */
function canMeasure(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}

const measured = canMeasure() ? describe : describe.skip
measured('a model of 192 MB is loaded in less than half as much again', () => {
  beforeAll(async () => {
    const shape = [8192, (MEGABYTES << 20) / 4 / 8192]
    const data = new Uint8Array(MEGABYTES << 20)
    const nodes = [{ name: '0', op: 'linear', inputs: ['input'], attributes: {}, parameters: { weight: '0.weight' } }]
    const graph = { inputShape: [null, shape[1]!], nodes, output: '0' }
    using model = await Model.create({
      name: 'large',
      graph,
      tensors: new Map([['0.weight', { dtype: 'f32', shape, data }]])
    })
    await model.save(join(folder, 'saved'))
    await exportModel(model, join(folder, 'large.onnx'))
  })

  test.each(['saved', 'large.onnx'])('%s', async (name) => {
    globalThis.gc?.()
    const before = status('VmRSS')
    writeFileSync('/proc/self/clear_refs', '5')
    using model = await Model.load(join(folder, name))
    expect(model.graph.nodes).toHaveLength(1)
    expect(status('VmHWM') - before).toBeLessThan(1.5 * MEGABYTES)
  })
})
