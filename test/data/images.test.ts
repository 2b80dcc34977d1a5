import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { classCounts, fingerprint, imagesOf, loadImages } from '../../src/data/dataset.js'
import { openDataset, openSplits } from '../../src/data/open.js'
import { readImage } from '../../src/data/read-image.js'
import { choosePreprocessing, plainPreprocessing } from '../../src/model/preprocessing.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-images-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const RED = { r: 200, g: 10, b: 30 }
const BLUE = { r: 5, g: 20, b: 250 }

async function image(path: string, background = RED, width = 6, height = 4): Promise<void> {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  await sharp({ create: { width, height, channels: 3, background } }).toFile(join(folder, path))
}

async function classes(prefix: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await image(`${prefix}red/${i}.png`, RED)
    await image(`${prefix}blue/${i}.png`, BLUE)
  }
}

describe('image folders', () => {
  test('of classes are split by ratio, stratified', async () => {
    await classes('', 10)
    const dataset = await openDataset({ dataPath: folder, validSplit: 0.2, testSplit: 0.2 })
    expect(dataset.classes).toEqual(['blue', 'red'])
    expect(dataset.imageShape).toEqual([3, 4, 6])
    const { train, valid, test: tests } = dataset.splits
    expect([train, valid, tests].map((split) => classCounts(split, 2))).toEqual([
      [6, 6],
      [2, 2],
      [2, 2]
    ])
    const all = [train, valid, tests].flatMap(({ paths }) => paths!)
    expect(new Set(all).size).toBe(20)
  })

  test('keep the splits they bring, and every pixel in its place', async () => {
    await classes('train/', 3)
    await classes('valid/', 1)
    await classes('test/', 2)
    const dataset = await openDataset({ dataPath: folder })
    expect(Object.values(dataset.splits).map(({ labels }) => labels.length)).toEqual([6, 2, 4])
    const { bytes } = imagesOf(dataset, 'test', 0, 1)
    expect([bytes[0], bytes[24], bytes[48]]).toEqual([BLUE.r, BLUE.g, BLUE.b])
  })

  test('of which one split is wanted are read no further: broken images of others do not count', async () => {
    await classes('train/', 3)
    await classes('test/', 2)
    writeFileSync(join(folder, 'train', 'red', '0.png'), 'no image')
    const [all, own] = [await openDataset({ dataPath: folder }), await openSplits({ dataPath: folder }, ['test'])]
    expect(all.skipped).toHaveLength(1)
    expect(own.skipped).toEqual([])
    expect(own.splits.test).toEqual(all.splits.test)
    expect([own.splits.train, own.splits.valid].map(({ labels }) => labels.length)).toEqual([0, 0])
    expect(own.classes).toEqual(all.classes)
  })

  test.each(['val', 'validation'])('take a folder %s for the validation split', async (name) => {
    await classes('train/', 3)
    await classes(`${name}/`, 2)
    const { splits } = await openDataset({ dataPath: folder, testSplit: 0 })
    expect(splits.train.labels).toHaveLength(6)
    expect(splits.valid.paths!.every((path) => path.startsWith(join(folder, name)))).toBe(true)
    expect(splits.valid.labels).toHaveLength(4)
  })

  test('are read alike, whatever finishes first', async () => {
    await classes('', 12)
    const open = (): Promise<string> => openDataset({ dataPath: folder }).then(fingerprint)
    expect(await open()).toBe(await open())
  })

  test('take the first image size, or the one asked for', async () => {
    await classes('', 2)
    await image('red/other.jpg', RED, 30, 30)
    expect((await openDataset({ dataPath: folder })).imageShape).toEqual([3, 4, 6])
    const small = await openDataset({ dataPath: folder, imageSize: [2, 3], channels: 1 })
    expect(small.imageShape).toEqual([1, 2, 3])
  })

  test('name broken images and leave them out, unless strict', async () => {
    await classes('', 3)
    writeFileSync(join(folder, 'blue', '0.png'), 'no image')
    writeFileSync(join(folder, 'red', '1.jpg'), '')
    const { skipped, splits } = await openDataset({ dataPath: folder, validSplit: 0, testSplit: 0 })
    expect(skipped).toEqual([join(folder, 'blue', '0.png'), join(folder, 'red', '1.jpg')])
    expect(classCounts(splits.train, 2)).toEqual([2, 3])
    expect(splits.train.paths).not.toContain(skipped[0])
    expect(splits.train.images[0]).toBe(BLUE.r)
    await expect(openDataset({ dataPath: folder, strict: true })).rejects.toThrow(
      `${skipped[0]} is not a readable image`
    )
  })

  test('leave out what is hidden: no class, no image of a class', async () => {
    await classes('.ipynb_checkpoints/', 1)
    await classes('', 2)
    await image('red/.ipynb_checkpoints/0-checkpoint.png')
    await image('blue/._0.png')
    writeFileSync(join(folder, '.DS_Store'), '')
    const { classes: names, splits } = await openDataset({ dataPath: folder, validSplit: 0, testSplit: 0 })
    expect(names).toEqual(['blue', 'red'])
    expect(classCounts(splits.train, 2)).toEqual([2, 2])
  })

  test('links that lead to themselves are no class and no image', async () => {
    await image('a/0.png', RED)
    await image('b/0.png', BLUE)
    symlinkSync('loop', join(folder, 'loop'))
    symlinkSync('1.png', join(folder, 'a', '1.png'))
    const { classes, splits } = await openDataset({ dataPath: folder, validSplit: 0, testSplit: 0 })
    expect([classes, splits.train.labels.length]).toEqual([['a', 'b'], 2])
  })

  test('tell their sizes where they differ', async () => {
    await classes('', 2)
    expect((await openDataset({ dataPath: folder })).originalSizes).toBeUndefined()
    await image('red/upright.png', RED, 4, 6)
    const upright = { smallest: [4, 6], largest: [6, 4] }
    expect((await openDataset({ dataPath: folder })).originalSizes).toEqual(upright)
    await image('red/large.png', RED, 30, 20)
    await image('red/small.png', RED, 2, 5)
    const { originalSizes } = await openDataset({ dataPath: folder, imageSize: [8, 8], cache: 'none' })
    expect(originalSizes).toEqual({ smallest: [5, 2], largest: [20, 30] })
  })

  test.each([
    ['notes.txt', 'is not a data set: pass a folder, a .csv or an .npz file'],
    ['images.npy', 'is a single array: pass a folder with images.npy and labels.npy'],
    ['photo.png', 'is one image: pass a folder of class folders']
  ])('are not the file %s', async (name, message) => {
    writeFileSync(join(folder, name), '')
    const dataPath = join(folder, name)
    await expect(openDataset({ dataPath })).rejects.toThrow(`${dataPath} ${message}`)
    for (const data of ['npy', 'cifar10', 'mnist', 'digits'])
      await expect(openDataset({ data, dataPath })).rejects.toThrow(`${dataPath} ${message}`)
  })

  test('are not read on once the signal has fired', async () => {
    await classes('', 3)
    const stop = new AbortController()
    stop.abort()
    const stopped = { code: 'ABORTED' }
    await expect(openDataset({ dataPath: folder, signal: stop.signal })).rejects.toMatchObject(stopped)
    const digits = openDataset({ imageSize: [4, 4], signal: stop.signal })
    await expect(digits).rejects.toMatchObject(stopped)
    const later = new AbortController()
    const dataset = await openDataset({ dataPath: folder, cache: 'none', signal: later.signal })
    later.abort()
    await expect(loadImages(dataset, 'train', 0, 1)).rejects.toMatchObject(stopped)
  })

  test('without classes, with an empty class or with nothing readable are refused', async () => {
    await expect(openDataset({ dataPath: folder })).rejects.toThrow('no class folders')
    await classes('', 1)
    mkdirSync(join(folder, 'empty'))
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(/empty contains no image/)
    rmSync(join(folder, 'empty'), { recursive: true })
    for (const name of ['red', 'blue']) writeFileSync(join(folder, name, '0.png'), 'no image')
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(
      /none of the 2 images can be read: .*blue.*is not a readable image/
    )
  })

  test('a truncated JPEG is broken, not missing', async () => {
    await image('a/0.jpg', RED, 64, 64)
    const path = join(folder, 'a', '0.jpg')
    for (const share of [0.3, 0.9]) {
      const whole = readFileSync(path)
      writeFileSync(join(folder, 'a', '1.jpg'), whole.subarray(0, Math.floor(whole.length * share)))
      await expect(openDataset({ dataPath: folder, strict: true })).rejects.toMatchObject({ code: 'INVALID_FILE' })
    }
    await expect(readImage(join(folder, 'no.jpg'), plainPreprocessing([3, 4, 4]))).rejects.toMatchObject({
      code: 'NOT_FOUND'
    })
  })

  test('a class whose images are all broken is refused', async () => {
    await classes('', 2)
    for (const i of [0, 1]) writeFileSync(join(folder, 'red', `${i}.png`), 'no image')
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(/class 'red' has no training image/)
  })

  test('the test split may lack a class, the training split may not', async () => {
    await classes('train/', 2)
    await image('test/red/0.png')
    const { classes: names, splits } = await openDataset({ dataPath: folder, validSplit: 0 })
    expect([names, [...splits.test.labels]]).toEqual([['blue', 'red'], [1]])
    await image('test/green/0.png')
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(/train has no subfolder for the class 'green'/)
  })

  test('images that keep their own sizes are refused', async () => {
    await image('a/0.png', RED, 6, 4)
    await image('a/1.png', RED, 4, 6)
    const preprocessing = { channels: 3, channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const
    const options = { ...preprocessing, mean: [0, 0, 0], std: [1, 1, 1] }
    await expect(openDataset({ dataPath: folder, preprocessing: options })).rejects.toThrow(/1.png is 3x6x4, but/)
  })
})

describe('CSV lists', () => {
  const list = (text: string): string => {
    writeFileSync(join(folder, 'list.csv'), text)
    return join(folder, 'list.csv')
  }

  test('of path, label and split, with headings and quotes', async () => {
    await image('a, b.png', RED)
    await image('c.png', BLUE)
    await image('d.png', BLUE)
    const text = '\uFEFFpath,label,split\r\n"a, b.png",cat,train\r\nc.png,dog,train\r\nd.png,"dog",test\r\n'
    const dataset = await openDataset({ dataPath: list(text), validSplit: 0 })
    expect(dataset.classes).toEqual(['cat', 'dog'])
    expect([...dataset.splits.train.labels, ...dataset.splits.test.labels]).toEqual([0, 1, 1])
    expect(dataset.splits.train.images[0]).toBe(RED.r)
  })

  test('of numbers: 2 comes before 10', async () => {
    for (let label = 0; label < 11; label++) await image(`${label}.png`)
    const rows = Array.from({ length: 11 }, (_, label) => `${label}.png,${label}`).reverse()
    const dataset = await openDataset({ dataPath: list(rows.join('\n')), validSplit: 0, testSplit: 0 })
    expect(dataset.classes[10]).toBe('10')
    expect([...dataset.splits.train.labels]).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  })

  test('in another encoding than UTF-8 are refused: names would change', async () => {
    await image('a.png')
    writeFileSync(join(folder, 'list.csv'), Buffer.from('a.png,Ärmel\n', 'latin1'))
    await expect(openDataset({ dataPath: join(folder, 'list.csv') })).rejects.toThrow(
      'list.csv is not encoded in UTF-8: save it as UTF-8'
    )
  })

  test('tell missing files from unreadable ones', async () => {
    await image('a.png')
    writeFileSync(join(folder, 'broken.png'), 'no image')
    const text = 'a.png,0\nbroken.png,0\ngone.png,0\n'
    const { skipped, missing } = await openDataset({ dataPath: list(text), validSplit: 0, testSplit: 0 })
    expect(skipped).toEqual([join(folder, 'broken.png'), join(folder, 'gone.png')])
    expect(missing).toEqual([join(folder, 'gone.png')])
    const none = openDataset({ dataPath: list('gone.png,0') })
    await expect(none).rejects.toThrow(`the only image cannot be read: ${join(folder, 'gone.png')} does not exist`)
  })

  test.each([
    ['', 'lists no images'],
    ['path,label\n', 'lists no images'],
    ['a.png,0\na.png', 'list.csv, line 2: the path or the label is missing'],
    ['path,label\n\na.png,cat,training', "list.csv, line 3: the split must be train, valid or test, not 'training'"],
    ['a.png,0\nb.png,2', 'no image has the class 1,'],
    ['a.png,1000000000', 'no image has the class 0,'],
    ['a.png,cat\nb.png,dog\na.png,dog', 'list.csv, line 3: a.png has the label dog here, but cat in line 1'],
    ['a.png,cat\nb.png,dog\na.png,cat', 'list.csv, line 3: a.png is listed here and in line 1: list each image once'],
    ['a.png,cat,train\na.png,cat,test', 'list.csv, line 2: a.png has the split test here, but train in line 1'],
    ['a.png,cat\nx/../a.png,cat', 'line 2: x/../a.png, the same file as a.png, is listed here and in line 1'],
    ['path;label\na.png;cat', 'line 1: the path or the label is missing: separate the columns by commas'],
    ['a.png\tcat', 'line 1: the path or the label is missing: separate the columns by commas'],
    ['"a.png,0', 'not a CSV file']
  ])('%j is refused', async (text, message) => {
    await image('a.png')
    await expect(openDataset({ dataPath: list(text) })).rejects.toThrow(message)
  })
})

describe('an image that is there twice could be trained and tested on, so it is refused', () => {
  const csv = (text: string, task: 'regression' | 'multilabel'): Promise<unknown> => {
    writeFileSync(join(folder, 'list.csv'), text)
    return openDataset({ dataPath: join(folder, 'list.csv'), task })
  }

  test('in lists of values and of several labels', async () => {
    await image('a.png')
    await expect(csv('a.png,1\na.png,2', 'regression')).rejects.toThrow(
      'line 2: a.png has the value 2 here, but 1 in line 1'
    )
    await expect(csv('a.png,cat\na.png,dog', 'multilabel')).rejects.toThrow(
      'line 2: a.png has the labels dog here, but cat in line 1: put all labels of an image in one row'
    )
  })

  test('in a list, by a link to it', async () => {
    await image('a.png')
    symlinkSync(join(folder, 'a.png'), join(folder, 'b.png'))
    await expect(csv('a.png,1\nb.png,1', 'regression')).rejects.toThrow(
      'line 2: b.png, the same file as a.png, is listed here and in line 1'
    )
  })

  test('in class folders, by a link to it or to its folder', async () => {
    await classes('train/', 2)
    const [first, again] = [join(folder, 'train', 'red', '1.png'), join(folder, 'train', 'red', '2.png')]
    symlinkSync(first, again)
    await expect(openDataset({ dataPath: folder })).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: `${again} is the same file as ${first}: a data set must contain each image once`
    })
    rmSync(again)
    mkdirSync(join(folder, 'test'))
    symlinkSync(join(folder, 'train', 'red'), join(folder, 'test', 'red'))
    await expect(openDataset({ dataPath: folder })).rejects.toThrow(
      `${join(folder, 'test', 'red', '0.png')} is the same file as ${join(folder, 'train', 'red', '0.png')}`
    )
  })

  test('while links to images elsewhere are fine', async () => {
    for (const name of ['red', 'blue']) {
      await image(`pool/${name}.png`)
      mkdirSync(join(folder, 'data', name), { recursive: true })
      symlinkSync(join(folder, 'pool', `${name}.png`), join(folder, 'data', name, '0.png'))
    }
    const { splits } = await openDataset({ dataPath: join(folder, 'data'), validSplit: 0, testSplit: 0 })
    expect(splits.train.labels).toHaveLength(2)
  })
})

describe('a file of preprocessing', () => {
  const choose = (content: object): ReturnType<typeof choosePreprocessing> => {
    const path = join(folder, 'preprocess.json')
    writeFileSync(path, JSON.stringify(content))
    return choosePreprocessing(path, [])
  }

  test('may leave out every key', async () => {
    const plain = { channels: 3, channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] }
    expect(await choose({})).toEqual(plain)
    expect(await choose({ channels: 1, mean: [0.5] })).toEqual({ ...plain, channels: 1, mean: [0.5], std: [1] })
  })

  test.each([
    [{ mean: [0.5] }, 'preprocess.json must have one mean and one std for each channel'],
    [{ channels: 2 }, 'preprocess.json: channels must be 1 or 3, not 2'],
    [{ means: [0] }, "preprocess.json has no 'means': did you mean 'mean'?"]
  ])('%j is refused', async (content, message) => {
    await expect(choose(content)).rejects.toThrow(message)
  })
})
