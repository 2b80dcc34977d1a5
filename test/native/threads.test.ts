import { execFileSync } from 'node:child_process'
import { pbkdf2 } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, jest, test } from '@jest/globals'
import { explain } from '../../src/explain/explain.js'
import { buildArchitecture } from '../../src/model/architectures/index.js'
import { initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const lenet = async (): Promise<Model> =>
  Model.create(await initialise(buildArchitecture('lenet', { classes: 10, imageShape: [1, 28, 28] }), 1), 'cpu')
const images = (count: number): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: count * 784 }, (_, i) => (i % 97) / 97),
  shape: [count, 1, 28, 28]
})

describe('the addon under load', () => {
  const onLinux = process.platform === 'linux' ? test : test.skip
  onLinux('threads that have computed together end with the call', async () => {
    const threads = (): number => readdirSync('/proc/self/task').length
    const pbkdf = promisify(pbkdf2)
    await Promise.all(Array.from({ length: 8 }, () => pbkdf('', '', 1e5, 8, 'sha256'))) // starts Node.js's own threads
    const before = threads()
    const description = buildArchitecture('mlp', { classes: 10, imageShape: [1, 28, 28], hiddenSize: [512] })
    const models = await Promise.all(
      Array.from({ length: 4 }, async () => Model.create(await initialise(description, 1), 'cpu'))
    )
    for (const model of models) model.dispose()
    // the system lists a thread for a moment after its end
    for (let i = 0; i < 10_000 && threads() > before; i++) await new Promise(setImmediate)
    expect(threads()).toBeLessThanOrEqual(before)
  })

  test('calls on one model may overlap and give the same maps', async () => {
    const model = await lenet()
    const [first, ...others] = await Promise.all(
      Array.from({ length: 6 }, () => explain(model, images(8), { rule: 'alpha2beta1' }))
    )
    for (const other of others) expect(other.relevance.data).toEqual(first!.relevance.data)
    model.dispose()
  })

  test('the event loop turns while the addon works', async () => {
    const model = await lenet()
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await explain(model, images(2000), { rule: 'gamma', batchSize: 2000 })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(3)
    model.dispose()
  })

  test('an abort ends a long explanation with ABORTED', async () => {
    const model = await lenet()
    const controller = new AbortController()
    const running = explain(model, images(600), {
      rule: 'epsilon',
      batchSize: 1,
      signal: controller.signal,
      onProgress: (done) => done > 2 && controller.abort()
    })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    model.dispose()
  })

  test('a disposed model says so; disposing again is harmless', async () => {
    const model = await lenet()
    const running = explain(model, images(4), { rule: 'epsilon' })
    await running
    model.dispose()
    model.dispose()
    await expect(explain(model, images(1), { rule: 'epsilon' })).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  test('weights that are not finite, graphs that do not hold together and unknown ops are refused by name', async () => {
    const parts = await initialise(buildArchitecture('lenet', { classes: 10, imageShape: [1, 28, 28] }), 1)
    const weight = parts.tensors.get('0.weight')!
    const broken = { ...weight, data: Uint8Array.from(weight.data) }
    new DataView(broken.data.buffer).setFloat32(0, NaN, true)
    await expect(
      Model.create({ ...parts, tensors: new Map([...parts.tensors, ['0.weight', broken]]) })
    ).rejects.toMatchObject({
      code: 'NUMERIC',
      message: expect.stringContaining('0.weight')
    })
    const strange = {
      ...parts.graph,
      nodes: parts.graph.nodes.map((node) => (node.name === '1' ? { ...node, op: 'sorcery' } : node))
    }
    await expect(Model.create({ ...parts, graph: strange })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining("node '1' (sorcery)")
    })
    const tensors = new Map(parts.tensors)
    tensors.delete('3.weight')
    await expect(Model.create({ ...parts, tensors })).rejects.toMatchObject({
      message: expect.stringContaining('3.weight')
    })
  })

  test('eight worker threads load the addon, work and end, twice over', () => {
    const script = `
      import { Worker } from 'node:worker_threads'
      const work = "Promise.all(['index', 'api/models'].map((one) => import('${join(packageRoot, 'dist')}/' + one + '.js'))).then(async ([l, models]) => { const m = await l.Model.create(await models.initialise(models.buildArchitecture('mlp', { classes: 3, imageShape: [1, 4, 4] }), 1)); await l.explain(m, { data: new Float32Array(16).fill(0.5), shape: [1, 1, 4, 4] }) })"
      for (let round = 0; round < 2; round++) {
        await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
          const worker = new Worker(work, { eval: true })
          worker.on('error', reject)
          worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error('worker ended with ' + code))))
        })))
      }
      console.log('done')`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(output.trim()).toBe('done')
  })
})
