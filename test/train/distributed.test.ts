import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { freePort } from '../port.js'
import { packageRoot } from '../../src/core/paths.js'
import { loadParts } from '../../src/model/save.js'
import type { EpochEvent } from '../../src/native/train-types.js'
import { train, type TrainOptions } from '../../src/train/train.js'
import type { RawTensor } from '../../src/core/tensor.js'

jest.setTimeout(600_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-ranks-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const cli = join(packageRoot, 'dist', 'cli', 'main.js')

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Starts a Node.js process as one rank; `watch` sees what it prints on stderr so far. */
function start(
  args: string[],
  env: Record<string, string>,
  watch?: (stderr: string, child: ChildProcess) => void
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, OMP_NUM_THREADS: '1', ...env } })
  const told = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (told.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    told.stderr += chunk.toString()
    watch?.(told.stderr, child)
  })
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...told })))
  return { child, ended }
}

async function environment(rank: number, size = 2, port?: number): Promise<Record<string, string>> {
  const MASTER_PORT = String(port ?? (await freePort()))
  return { RANK: String(rank), WORLD_SIZE: String(size), MASTER_ADDR: '127.0.0.1', MASTER_PORT }
}

/** The same command line on every rank. */
async function together(args: string[], size = 2): Promise<Ended[]> {
  const port = await freePort()
  const all = Array.from({ length: size }, async (_, rank) => start(args, await environment(rank, size, port)).ended)
  return Promise.all(all)
}

/** What is printed beside the line about the data and those of the epochs. */
function problems(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !/^(digits: 10 classes|epoch )/.test(line))
}

interface Report {
  rank: number
  weights: string
  name: string
  history: EpochEvent[]
  bestEpoch: number
  completed: boolean
}

async function trainTogether(options: TrainOptions, size = 2): Promise<Report[]> {
  const script = join(packageRoot, 'test', 'train', 'rank.mjs')
  const given = JSON.stringify({ experimentsRoot: root, ...options })
  const ended = await together([script, join(packageRoot, 'dist'), given], size)
  for (const { code, stderr } of ended) if (code !== 0) throw new Error(stderr)
  return ended.map(({ stdout }) => JSON.parse(stdout) as Report)
}

const curve = (history: EpochEvent[]): number[] =>
  history.flatMap((one) => [one.trainLoss, one.trainAccuracy, one.validLoss, one.validAccuracy])

/** The values of a float32 tensor, wherever its bytes begin. */
const floats = ({ data }: RawTensor): Float32Array => new Float32Array(Uint8Array.from(data).buffer)

function expectNear(actual: number[], expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance))
}

describe('training', () => {
  const plain: TrainOptions = { epochs: 3, hiddenSize: [32], batchSize: 50 }
  const cases: [string, TrainOptions, number][] = [
    [
      'with class weights, accumulation, clipping and random changes',
      {
        ...plain,
        classWeights: [9, 1, 0.1, 1, 3, 1, 1, 0, 1, 1],
        labelSmoothing: 0.1,
        accumulate: 3,
        gradientClip: 0.5,
        augment: { rotation: 9 }
      },
      2
    ],
    ['with more processes than images in the last batch', { ...plain, batchSize: 1256, optimizer: 'sgd' }, 3]
  ]
  test.each(cases)('%s: the loss curve and the weights of one process', async (_, options, size) => {
    const one = await train({ ...options, experimentsRoot: root, experimentName: 'one' })
    const reports = await trainTogether({ ...options, experimentName: 'many' }, size)
    const { results } = JSON.parse(readFileSync(join(root, reports[0]!.name, 'experiment.json'), 'utf8')) as {
      results: Record<string, unknown>
    }
    expect(results).toMatchObject({ processes: size, gradients: expect.stringMatching(/^Gloo/) })
    for (const { history, weights, name } of reports) {
      expectNear(curve(history), curve(one.history), 2e-5)
      expect(weights).toBe(reports[0]!.weights)
      expect(name).toBe(reports[0]!.name)
    }
    const [a, b] = [await loadParts(one.experiment.folder), await loadParts(join(root, reports[0]!.name))]
    for (const [tensor, value] of a.tensors) {
      expectNear([...floats(b.tensors.get(tensor)!)], [...floats(value)], 2e-4)
    }
    one.model.dispose()
  })

  test('images read from their files give the weights of those in memory', async () => {
    const dataPath = join(root, 'images')
    for (const [label, background] of Object.entries({ dark: '#300810', light: '#a0d0c8' })) {
      mkdirSync(join(dataPath, label), { recursive: true })
      for (let i = 0; i < 20; i++) {
        const noise = { type: 'gaussian', mean: 0, sigma: 5 + i } as const
        const create = { width: 6, height: 6, channels: 3, background, noise } as const
        await sharp({ create }).toFile(join(dataPath, label, `${i}.png`))
      }
    }
    const options: TrainOptions = { epochs: 2, hiddenSize: [8], batchSize: 7, accumulate: 2, dataPath, augment: 'flip' }
    const [kept] = await trainTogether({ ...options, cache: 'memory', experimentName: 'kept' }, 3)
    const [read] = await trainTogether({ ...options, cache: 'none', experimentName: 'read' }, 3)
    expect(read!.weights).toBe(kept!.weights)
    expect(curve(read!.history)).toEqual(curve(kept!.history))
  })

  test('batch norms and dropout: every process ends with the same weights, and only rank 0 writes', async () => {
    const model: TrainOptions['model'] = [
      { type: 'convolution', channels: 4, kernelSize: 3 },
      { type: 'batch-norm' },
      { type: 'relu' },
      { type: 'dropout', share: 0.2 },
      { type: 'flatten' },
      { type: 'linear', features: 'classes' }
    ]
    const before = readdirSync(root)
    const [first, second] = await trainTogether({ epochs: 2, model, experimentName: 'norms' })
    expect(second!.weights).toBe(first!.weights)
    expect(curve(second!.history)).toEqual(curve(first!.history))
    expect(readdirSync(root).filter((name) => !before.includes(name))).toEqual(['norms'])
  })

  test('a run stopped in all its processes goes on to the weights of one that was not', async () => {
    const [whole] = await trainTogether({ ...plain, experimentName: 'whole' })
    const [part] = await trainTogether({ ...plain, experimentName: 'part', untilEpoch: 1 })
    expect(part!.completed).toBe(false)
    const rest = await trainTogether({ resume: 'part' })
    for (const { weights, history } of rest) {
      expect(weights).toBe(whole!.weights)
      expect(curve(history)).toEqual(curve(whole!.history))
    }
  })
})

describe('a lost peer', () => {
  test.each([
    ['that is killed', 'SIGKILL', '20', /lost another process/],
    ['that hangs', 'SIGSTOP', '1', /waited more than 1 s/]
  ] as const)('%s ends the others with one sentence, and the run resumes', async (_, signal, timeout, sentence) => {
    const name = `lost-${signal}`
    const args = [cli, 'train', '--model', 'lenet', '--epochs', '500', '--experiments', root, '--peer-timeout', timeout]
    const port = await freePort()
    const second = start([...args, '--experiment-name', name], await environment(1, 2, port))
    const first = start([...args, '--experiment-name', name], await environment(0, 2, port), (stderr) => {
      if (stderr.includes('epoch 2/')) second.child.kill(signal)
    })
    const { code, stderr } = await first.ended
    second.child.kill('SIGKILL')
    await second.ended
    expect(code).toBe(1)
    const told = problems(stderr)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/^lrp-native: rank 0 of 2 lost another process, or waited more than \d+ s for it: /)
    expect(told[0]).toMatch(sentence)
    const known =
      readFileSync(join(root, name, 'history.csv'), 'utf8')
        .trim()
        .split('\n').length - 1
    const [resumed] = await trainTogether({ resume: name, untilEpoch: known + 1 })
    expect(resumed!.history).toHaveLength(known + 1)
  })

  test('one that never comes is waited for as long as was said', async () => {
    const { ended } = start([cli, 'train', '--peer-timeout', '1', '--experiments', root], await environment(1))
    const { code, stderr } = await ended
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^lrp-native: rank 1 of 2 could not connect to the other processes at 127.0.0.1:\d+ within 1 s: .*\n$/
    )
  })

  test('one with other settings is told from a lost one', async () => {
    const port = await freePort()
    const run = async (rank: number): Promise<Ended> =>
      start([cli, 'train', '--experiments', root, '--epochs', String(rank + 1)], await environment(rank, 2, port)).ended
    for (const { code, stderr } of await Promise.all([run(0), run(1)])) {
      expect(code).toBe(2)
      expect(problems(stderr)).toEqual([
        'lrp-native: all processes must have the same settings or data, but rank 1 differs from rank 0'
      ])
    }
  })
})

describe('sharing images', () => {
  beforeAll(async () => {
    const result = await train({ epochs: 1, experimentsRoot: root, experimentName: 'model' })
    result.model.dispose()
  })
  const read = (folder: string, file: string): Record<string, unknown> => {
    const { milliseconds, imagesPerSecond, ...rest } = JSON.parse(readFileSync(join(root, folder, file), 'utf8')) as {
      [key: string]: unknown
    }
    expect(milliseconds ?? imagesPerSecond).toBeGreaterThan(0)
    return rest
  }

  test('test: the metrics of one process', async () => {
    const args = [cli, 'test', 'model', '--experiments', root, '--batch-size', '50', '--output']
    const [first, second] = await together([...args, 'tested-by-two'])
    expect([first!.code, second!.code, second!.stdout]).toEqual([0, 0, ''])
    await start([...args, 'tested-by-one'], {}).ended
    expect(read('tested-by-two', 'metrics.json')).toEqual(read('tested-by-one', 'metrics.json'))
    const csv = (folder: string): string => readFileSync(join(root, folder, 'predictions.csv'), 'utf8')
    expect(csv('tested-by-two')).toBe(csv('tested-by-one'))
  })

  test('explain: the files of one process, also where a process has no images', async () => {
    const size = 3
    const rules = ['--composite', 'epsilon-plus', '--target', '1,3', '--layers', 'all', '--format', 'npy']
    const args = [cli, 'explain', 'model', '--experiments', root, ...rules, '--batch-size', '2', '--limit', '4']
    const [many, one] = ['by-many', 'by-one']
    const ended = await together([...args, '--output', many], size)
    expect(ended.map(({ code }) => code)).toEqual(Array(size).fill(0))
    await start([...args, '--output', one], {}).ended
    const names = readdirSync(join(root, one))
    expect(names).toContain('relevance.npy')
    expect(readdirSync(join(root, many))).toEqual(names)
    expect(read(many, 'explain.json')).toEqual(read(one, 'explain.json'))
    for (const name of names.filter((file) => file.endsWith('.npy'))) {
      expect(readFileSync(join(root, many, name)).equals(readFileSync(join(root, one, name)))).toBe(true)
    }
  })

  test('finetune: rank 0 alone writes, all share the scores', async () => {
    const args = [cli, 'finetune', 'model', '--experiments', root, '--epochs', '1', '--experiment-name', 'tuned']
    const ended = await together(args)
    expect(ended.map(({ code, stderr }) => (code === 0 ? '' : stderr))).toEqual(['', ''])
    expect(existsSync(join(root, 'tuned', 'test', 'metrics.json'))).toBe(true)
    expect(existsSync(join(root, 'tuned_1'))).toBe(false)
  })

  test('commands that cannot be shared say so', async () => {
    const { code, stderr } = await start([cli, 'fit-patterns', 'model', '--experiments', root], await environment(0))
      .ended
    expect(code).toBe(2)
    expect(stderr).toMatch(/cannot run in 2 processes/)
  })
})
