import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { z } from 'zod'
import { defaultOf, entriesOf, withoutWrappers, type Entry } from '../../src/core/option.js'
import { finetune } from '../../src/finetune/finetune.js'
import { finetuneOptions, type FinetuneOptions } from '../../src/finetune/options.js'
import { trainOptions, type TrainOptions } from '../../src/train/options.js'
import { train } from '../../src/train/train.js'
import { tuneOptions, type TuneOptions } from '../../src/tune/options.js'
import { tune } from '../../src/tune/tune.js'

jest.setTimeout(600_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-resume-options-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Values that cannot be made from the type alone. */
const VALUES: Record<string, unknown> = {
  task: 'regression',
  loss: 'nll',
  model: 'lenet',
  data: 'mnist',
  imageSize: 9,
  inputShape: [1, 9, 9],
  classWeights: 'balanced',
  balancedSampling: true,
  groups: [{ match: '1', learningRate: 1 }],
  augment: 'flip',
  exclude: 'another.csv',
  space: { batchSize: [8] }
}

/** A valid value that is not the one of a run with no options. */
function anotherValue(name: string, entry: Entry): unknown {
  if (name in VALUES) return VALUES[name]
  const [type, usual] = [withoutWrappers(entry.type), defaultOf(entry)]
  if (type instanceof z.ZodEnum) return type.options.find((one) => one !== usual)
  if (type instanceof z.ZodBoolean) return !usual
  if (type instanceof z.ZodString) return 'another'
  if (type instanceof z.ZodArray) return type.safeParse([7]).success ? [7] : ['another']
  return [0.3, 1, 2, 3].find((one) => one !== Number(usual) && type.safeParse(one).success)
}

const dependent = (schema: z.ZodObject): (readonly [string, unknown])[] =>
  entriesOf(schema).flatMap((entry) => {
    const name = entry.path.join('.')
    return entry.facts.resume === false ? [] : [[name, anotherValue(name, entry)] as const]
  })

const stop = new AbortController()
stop.abort()
let names: Record<'train' | 'finetune' | 'tune', string>

beforeAll(async () => {
  const stopped = { epochs: 2, untilEpoch: 1, experimentsRoot: root }
  const first = await train(stopped)
  const second = await finetune({ ...stopped, model: first.experiment.folder })
  const space = { learningRate: [1e-3, 2e-3] }
  const search = await tune({ space, epochs: 2, trials: 2, experimentsRoot: root, signal: stop.signal })
  for (const { model } of [first, second]) model.dispose()
  names = { train: first.experiment.name, finetune: second.experiment.name, tune: search.experiment.name }
})

describe('a stopped run is not continued with another value of an option that it depends on', () => {
  const goesOn = (): string => 'it went on'
  const refused = (name: string): object => ({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(new RegExp(`^option '${name === 'model' ? '(model|from)' : name}'`))
  })

  test.each(dependent(trainOptions))('train: %s', async (name, value) => {
    const options = { [name]: value, resume: names.train, experimentsRoot: root } as TrainOptions
    await expect(train(options).then(goesOn)).rejects.toMatchObject(refused(name))
  })

  test.each(dependent(finetuneOptions))('finetune: %s', async (name, value) => {
    const options = { [name]: value, resume: names.finetune, experimentsRoot: root } as FinetuneOptions
    await expect(finetune(options).then(goesOn)).rejects.toMatchObject(refused(name))
  })

  test.each([...dependent(tuneOptions), ['epochs', 3] as const])('tune: %s', async (name, value) => {
    const options = { [name]: value, resume: names.tune, experimentsRoot: root } as TuneOptions
    await expect(tune(options).then(goesOn)).rejects.toMatchObject(refused(name))
  })
})
