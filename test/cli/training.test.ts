import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, jest, test } from '@jest/globals'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { describeShared, shared } from '../shared.js'
import { cli } from './run.js'

jest.setTimeout(600_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-training-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const experiments = ['--experiments', root]

test('train says what the data set holds', async () => {
  const { err } = await cli('train', '--epochs', '1', ...experiments)
  expect(err).toContain('digits: 10 classes, images of 1x8x8; train 1258 (122 to 128 per class), valid 180 (17 to 19')
})

test('parameter groups come from a file, and what is frozen stays frozen', async () => {
  const file = join(root, 'groups.json')
  const run = (...flags: string[]): ReturnType<typeof cli> =>
    cli('train', '--epochs', '1', '--hidden-size', '8', ...flags, '--experiment-name', 'dev-groups', ...experiments)
  const weightsAfter = async (...flags: string[]): Promise<Record<string, string>> => {
    await run(...flags)
    const tensors = await readSafetensors(join(root, 'dev-groups', 'weights.safetensors'))
    const weights = [...tensors].map(([title, { data }]) => [title, Buffer.from(data).toString('hex')])
    return Object.fromEntries(weights) as Record<string, string>
  }
  writeFileSync(file, JSON.stringify([{ match: '^1\\.', learningRate: 1e-4 }]))
  const [alike, grouped] = [
    await weightsAfter('--freeze', '^3'),
    await weightsAfter('--freeze', '^3', '--groups', file)
  ]
  expect(grouped['3.weight']).toBe(alike['3.weight'])
  expect(grouped['1.weight']).not.toBe(alike['1.weight'])
  writeFileSync(file, '{}')
  expect(await run('--groups', file)).toMatchObject({
    status: 1,
    err: expect.stringContaining('must contain a list of parameter groups')
  })
  writeFileSync(file, '[{"match": "^9"}]')
  expect((await run('--groups', file)).err).toContain("the group '^9' matches no tensor")
})

test('fine-tuning follows the task of the model, unless it is told another', async () => {
  const name = ['--experiment-name', 'dev-values', ...experiments]
  await cli('train', '--task', 'regression', '--epochs', '1', ...name)
  const onto = ['dev-values', '--epochs', '1', '--experiment-name', 'dev-onto', ...experiments]
  const { out } = await cli('finetune', ...onto)
  expect(out).toMatch(/^test R2 -?[\d.]+ on 359 images, MAE [\d.]+, RMSE [\d.]+\nbest epoch 1, validation loss/)
  expect((await cli('finetune', ...onto, '--task', 'classification')).out).toMatch(/^test accuracy .*\n {2}0: TP \d/)
})

test('a search says why its trials failed, and fails with all of them', async () => {
  const space = join(root, 'space.json')
  writeFileSync(space, '{"learning-rate": [1e30, 1e31]}')
  const search = ['--space', space, '--method', 'grid', '--halving', '1', '--epochs', '1', '--optimizer', 'sgd']
  const { status, out, err } = await cli('tune', ...search, ...experiments)
  expect([status, out]).toEqual([1, ''])
  expect(err).toMatch(/^trial 1 failed: the loss is not finite/m)
  expect(err).toMatch(
    /^lrp-native: no trial succeeded \(see .*tune\.csv for all reasons\); trial 0 failed: the loss is not finite/m
  )
})

test('a search prints one table, with a header and values as flags take them', async () => {
  const space = join(root, 'space.json')
  writeFileSync(space, '{"hidden-size": [[16, 8], 8], "optimizer": ["adam"]}')
  const search = ['--space', space, '--method', 'grid', '--halving', '1', '--epochs', '1']
  const { out, err } = await cli('tune', ...search, ...experiments)
  const [header, ...rows] = out.split('\n').slice(0, 3)
  expect(header).toBe('trial  valid accuracy  epochs  state  hidden-size  optimizer')
  expect(rows.map((row) => row.split(/ {2,}/).slice(2)).sort()).toEqual([
    ['1', 'done', '16 8', 'adam'],
    ['1', 'done', '8', 'adam']
  ])
  expect(err.match(/^trial \d: accuracy 0\.\d+ after 1 epoch$/gm)).toHaveLength(2)
})

test.each([['train'], ['data', 'inspect']])('%s shows how far a download is', async (...command) => {
  const server = createServer((_, response) => response.writeHead(200, { connection: 'close' }).end('not MNIST'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const before = { ...process.env }
  process.env.XDG_CACHE_HOME = root
  process.env.LRP_NATIVE_MNIST_MIRROR = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const { status, err } = await cli(...command, '--data', 'mnist')
    expect(err).toContain('kB of train-images-idx3-ubyte.gz')
    expect(err).toContain('MNIST cannot be downloaded')
    expect(status).toBe(1)
  } finally {
    for (const name of ['XDG_CACHE_HOME', 'LRP_NATIVE_MNIST_MIRROR']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    server.close()
  }
})

describeShared('weights of a known network', () => {
  const weights = shared('models', 'resnet20-12fca82f.th')
  const data = ['--data-path', shared('data', 'cifar10', 'test'), '--architecture', 'resnet20', '--epochs', '1']

  test('are fine-tuned, and scored on the share that was asked for', async () => {
    const shares = ['--test-split', '0.5', '--valid-split', '0.2']
    const { status, out } = await cli('finetune', weights, ...data, ...shares, '--json', '--quiet', ...experiments)
    expect(status).toBe(0)
    const { test: scores } = JSON.parse(out) as { test: { images: number; accuracy: number } }
    expect(scores.images).toBe(500)
    expect(scores.accuracy).toBeGreaterThan(0.7)
  })

  test('are what training starts from', async () => {
    const steps = ['--learning-rate', '1e-9', '--scheduler', 'constant', '--test-split', '0.8']
    const { status, out } = await cli(
      'train',
      '--from',
      weights,
      ...data,
      ...steps,
      '--json',
      '--quiet',
      ...experiments
    )
    expect(status).toBe(0)
    const { history } = JSON.parse(out) as { history: { validAccuracy: number }[] }
    expect(history[0]!.validAccuracy).toBeGreaterThan(0.4)
  })
})

test('a resumed run shows the epochs that were asked for', async () => {
  const run = ['--experiments', root, '--experiment-name', 'epochs']
  await cli('train', '--epochs', '2', '--hidden-size', '4', ...run)
  const { status, err } = await cli('train', '--resume', 'epochs', '--epochs', '4', '--experiments', root)
  expect(status).toBe(0)
  const shown = [...err.matchAll(/^epoch (\S+):/gm)].map(([, epoch]) => epoch)
  expect(shown).toEqual(['3/4', '4/4'])
  const again = await cli('train', '--resume', 'epochs', '--experiments', root)
  expect(again.err).not.toContain('/20')
})
