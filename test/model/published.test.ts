import { mkdtempSync, readFileSync, rmSync, writeFileSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { readImage } from '../../src/data/read-image.js'
import { readClasses } from '../../src/model/classes.js'
import { Model } from '../../src/model/model.js'
import { choosePreprocessing, normaliseBytes } from '../../src/model/preprocessing.js'

jest.setTimeout(600_000)

const folder = join(import.meta.dirname, 'published')
const photo = join(import.meta.dirname, '..', 'data', 'images', 'colours.png')
const scratch = mkdtempSync(join(tmpdir(), 'lrp-published-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** What transformers and timm compute: scripts/make-published-fixture.py. */
interface Expected {
  networks: Record<string, { size: number; logits: number[] }>
  preprocessing: { file: object; shape: number[]; values: number[] }[]
}
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected

function largestDifference(found: Float32Array, wanted: number[]): number {
  expect(found).toHaveLength(wanted.length)
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0)
}

describe.each(Object.entries(expected.networks))('%s', (name, { size, logits }) => {
  test('has the logits of the library that published it', async () => {
    const model = await Model.load(join(folder, name))
    expect(model.imageShape).toEqual([3, size, size])
    const data = Float32Array.from({ length: 2 * 3 * size * size }, (_, i) => ((i * 37 + 11) % 101) / 101)
    const { data: found } = await model.forward({ data, shape: [2, 3, size, size] })
    const largest = Math.max(...logits.map(Math.abs))
    expect(largestDifference(found, logits)).toBeLessThan(1e-4 * Math.max(1, largest))
    model.dispose()
  })
})

test.each(expected.preprocessing)('$file is done as the library does it', async ({ file, shape, values }) => {
  const path = join(scratch, 'preprocessing.json')
  writeFileSync(path, JSON.stringify(file))
  const p = await choosePreprocessing(path, [3, 8, 8])
  const { bytes, shape: found } = await readImage(photo, p)
  expect(found).toEqual(shape)
  // one grey level, in the units of each channel
  const level = Math.max(...p.std.map((std) => p.scale / 255 / std))
  expect(largestDifference(normaliseBytes(bytes, [1, ...found], p).data, values)).toBeLessThan(1.01 * level)
})

describe('names of classes', () => {
  test('come from the folder, unless they only count', async () => {
    const [named, counted] = [await Model.load(join(folder, 'hf-vit')), await Model.load(join(folder, 'hf-deit'))]
    expect([named.classes, counted.classes]).toEqual([['cat', 'dog', 'horse'], undefined])
    expect(named.preprocessing).toMatchObject({ resize: [8, 8], interpolation: 'bilinear', mean: [0.5, 0.5, 0.5] })
  })

  test.each([
    ['names.txt', 'cat\n  dog\r\nhorse\n'],
    ['list.json', '["cat", "dog", "horse"]'],
    ['numbers.json', '{"1": "dog", "0": "cat", "2": "horse"}'],
    ['config.json', '{"id2label": {"0": "cat", "1": "dog", "2": "horse"}}']
  ])('come from %s', async (name, text) => {
    const classes = join(scratch, name)
    writeFileSync(classes, text)
    expect((await Model.load(join(folder, 'hf-deit'), { classes })).classes).toEqual(['cat', 'dog', 'horse'])
  })

  test('that do not match are refused', async () => {
    const loading = Model.load(join(folder, 'hf-deit'), { classes: 'imagenet' })
    await expect(loading).rejects.toThrow('imagenet contains 1000 class names, but hf-deit has 3 outputs')
    const path = join(scratch, 'wrong.json')
    writeFileSync(path, '{"0": "cat", "2": "horse"}')
    await expect(readClasses(path)).rejects.toMatchObject({ code: 'INVALID_FILE' })
    await expect(readClasses(join(scratch, 'nowhere'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const imagenet = await readClasses('imagenet')
    expect([imagenet.length, imagenet[0], imagenet[999]]).toEqual([1000, 'tench', 'toilet tissue'])
  })
})

describe('what is not known is refused by name', () => {
  const changed = (change: object, from = 'hf-vit'): string => {
    const copy = mkdtempSync(join(scratch, 'copy-'))
    cpSync(join(folder, from), copy, { recursive: true })
    const path = join(copy, 'config.json')
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }))
    return copy
  }
  test.each([
    [
      { architectures: ['SwinForMaskedImageModeling'] },
      'UNSUPPORTED',
      /describes SwinForMaskedImageModeling, which is not supported: choose from ViT/
    ],
    [{ hidden_act: 'mish' }, 'UNSUPPORTED', /config\.json: the value "mish" of hidden_act is not supported/],
    [{ num_hidden_layers: 1 }, 'INVALID_FILE', /contains the weight 'vit\.encoder\.layer\.1\./],
    [{ num_hidden_layers: 3 }, 'INVALID_FILE', /lacks the weight 'vit\.encoder\.layer\.2\./],
    [
      { architecture: 'vit_tiny_patch16_rope_224' },
      'UNSUPPORTED',
      /describes vit_tiny_patch16_rope_224, which is not supported/
    ]
  ])('%j', async (change, code, message) => {
    const loading = Model.load(changed(change))
    await expect(loading).rejects.toMatchObject({ code })
    await expect(loading).rejects.toThrow(message)
  })

  test.each([
    [
      'hf-swin',
      { window_size: 2 },
      'INVALID_FILE',
      /relative positions has 49 rows, but a window of 2x2 has 9 distances/
    ],
    ['hf-swin', { image_size: 24 }, 'UNSUPPORTED', /the windows of .*swin are larger than its feature maps/],
    [
      'hf-siglip-vision',
      { hidden_size: 4, num_attention_heads: 1 },
      'INVALID_FILE',
      /must have 12 rows, but its shape is \[24, 8\]/
    ],
    [
      'hf-dinov2-mlp',
      { image_size: 16 },
      'INVALID_FILE',
      /position embeddings of shape \[1, \d+, \d+\] do not match a grid of 4x4 patches/
    ],
    ['hf-efficientnet', { pooling_type: 'max' }, 'UNSUPPORTED', /the value "max" of pooling_type is not supported/]
  ])('%s with %j', async (from, change, code, message) => {
    const loading = Model.load(changed(change, from))
    await expect(loading).rejects.toMatchObject({ code })
    await expect(loading).rejects.toThrow(message)
  })

  test('steps of preprocessing', async () => {
    const path = join(scratch, 'lanczos.json')
    writeFileSync(path, '{"do_resize": true, "size": {"height": 8, "width": 8}, "resample": 1}')
    await expect(choosePreprocessing(path, [3, 8, 8])).rejects.toThrow(
      'lanczos.json: the value "lanczos" of resample is not supported'
    )
  })
})
