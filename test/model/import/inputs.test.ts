import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { writeNpy } from '../../../src/core/npy.js'
import type { StateDict } from '../../../src/core/tensor.js'
import { explain } from '../../../src/explain/explain.js'
import { readSafetensors } from '../../../src/model/import/safetensors.js'
import { Model } from '../../../src/model/model.js'
import type { LoadOptions } from '../../../src/model/options.js'
import { cli } from '../../cli/run.js'
import { floats, relativeError } from '../../shared.js'

const folder = join(import.meta.dirname, 'inputs')
const scratch = mkdtempSync(join(tmpdir(), 'lrp-inputs-'))
let values: StateDict
const value = (name: string) => floats(values.get(name)!)

/** Made by scripts/make-inputs-fixture.py. */
beforeAll(async () => {
  values = await readSafetensors(join(folder, 'values.safetensors'))
  for (const name of ['image', 'about', 'scale']) await writeNpy(join(scratch, `${name}.npy`), value(name))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(['net.pt2', 'net.onnx'])('%s of several inputs', (name) => {
  const path = join(folder, name)
  const load = (options: LoadOptions) => Model.load(path, options)
  const others = () => ({ about: value('about'), scale: value('scale') })

  test('computes what PyTorch computes, with one row for every image', async () => {
    using model = await load({ constants: others() })
    expect(model.imageShape).toEqual([3, 6, 6])
    const logits = await model.forward(value('image'))
    expect(relativeError(logits, value('logits'))).toBeLessThan(1e-5)
    const { relevance } = await explain(model, value('image'))
    expect(relevance.shape).toEqual([3, 3, 6, 6])
  })

  test('another input can be explained', async () => {
    const first = { data: value('image').data.slice(0, 108), shape: [1, 3, 6, 6] }
    using model = await load({ inputName: 'about', constants: { image: first, scale: value('scale') } })
    expect(model.imageShape).toEqual([2])
    const rows = { data: Float32Array.from([...value('about').data, 0, 0]), shape: [2, 2] }
    const logits = await model.forward(rows)
    expect(Array.from(logits.data.slice(0, 3))).toEqual(
      Array.from(value('logits').data.slice(0, 3), (one) => expect.closeTo(one, 4))
    )
  })

  test('arrays come from files on the command line, and are saved with the model', async () => {
    const flags = ['about', 'scale'].flatMap((one) => ['--constant', `${one}=${join(scratch, `${one}.npy`)}`])
    const output = join(scratch, `${name}-converted`)
    const converted = await cli('convert', path, ...flags, '--output', output)
    expect([converted.err, converted.status]).toEqual(['', 0])
    using model = await Model.load(output)
    expect(relativeError(await model.forward(value('image')), value('logits'))).toBeLessThan(1e-5)
  })

  test.each<[string, () => LoadOptions, string, RegExp]>([
    [
      'nothing',
      () => ({}),
      'UNSUPPORTED',
      /has 3 inputs \('image' \[any, 3, 6, 6\].*: name the one to explain with --input-name/
    ],
    [
      'a name alone',
      () => ({ inputName: 'image' }),
      'UNSUPPORTED',
      /: give 'about', 'scale' as --constant NAME=FILE.npy/
    ],
    ['an unknown name', () => ({ inputName: 'imgae' }), 'INVALID_ARGUMENT', /no input 'imgae'.*image/],
    [
      'a row of another size',
      () => ({ constants: { ...others(), about: { data: new Float32Array(3), shape: [1, 3] } } }),
      'INVALID_ARGUMENT',
      /the array for 'about' has the shape \[1, 3\], but the input takes \[1, 2\]/
    ],
    [
      'relevance of an input that has no row for each image',
      () => ({ constants: others(), explainInputs: 'all' }),
      'UNSUPPORTED',
      /the input 'scale' of .* cannot have relevance, because it does not have one row for each image/
    ],
    [
      'an unknown name of an input to explain',
      () => ({ constants: others(), explainInputs: ['abuot'] }),
      'INVALID_ARGUMENT',
      /no input 'abuot'.*about/
    ],
    [
      'an array for the explained input',
      () => ({ inputName: 'about', constants: { about: value('about') } }),
      'INVALID_ARGUMENT',
      /cannot hold 'about' constant, because it is the explained input/
    ]
  ])('%s is refused', async (_, options, code, message) => {
    const loading = load(options())
    await expect(loading).rejects.toMatchObject({ code })
    await expect(loading).rejects.toThrow(message)
  })
})
