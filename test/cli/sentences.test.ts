import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import sharp from 'sharp'
import { writeNpy } from '../../src/core/npy.js'
import { COMMANDS } from '../../src/cli/commands/index.js'
import { cli } from './run.js'

jest.setTimeout(300_000)

const root = mkdtempSync(join(tmpdir(), 'lrp-sentences-'))
const array = join(root, 'x.npy')
const one = join(root, 'one')
beforeAll(async () => {
  expect((await cli('train', '--epochs', '1', '--experiments', root, '--quiet')).status).toBe(0)
  await writeNpy(array, { data: new Float32Array(64), shape: [1, 1, 8, 8] })
  mkdirSync(join(one, 'only'), { recursive: true })
  for (let i = 0; i < 12; i++)
    await sharp(Buffer.alloc(64, 9 * i), { raw: { width: 8, height: 8, channels: 1 } })
      .png()
      .toFile(join(one, 'only', `${i}.png`))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

// A sentence speaks of flags as they are typed, says what is allowed, and shows the value as it was given.
test.each([
  ['--seed -1', '--seed must be at least 0, not -1'],
  ['--seed x', "--seed must be a number, not 'x'"],
  ['--images 1-3', "--images must be a number, not '1-3'"],
  ['--format jpg', "--format must be one of png, svg, npy, npz, html, not 'jpg': did you mean 'png'?"],
  ['--box -1', '--box must be at least 0, not -1'],
  ['--rule zbox --low 1 --high 0', '--low must be smaller than --high'],
  ['--method occlusion --baseline blck', "--baseline must be zero, black, mean, blur or a .npy file, not 'blck': did you mean 'black'?"], // prettier-ignore
  [
    '--constant a=b.npy',
    '--constant works only with files of other tools, but mlp is in the format of lrp-native, which defines the inputs'
  ],
  [
    '--layout nhwc',
    '--layout works only with files of other tools, but mlp is in the format of lrp-native, which defines the inputs'
  ],
  [
    `--input ${array} --image-size 5`,
    '--image-size works only with image files, because a .npy array is not preprocessed'
  ],
  [`--input ${one} --channels 1`, '--channels works only with a data set, not with --input']
])('explain %s', async (words, sentence) => {
  const { status, err } = await cli('explain', 'mlp-digits', ...words.split(' '), '--experiments', root, '--quiet')
  expect([status, err]).toEqual([2, `lrp-native: ${sentence}\n`])
})

test('an option in the words of a program is named by its flag', async () => {
  const { err } = await cli('explain', 'mlp-digits', '--method', 'grad-cam', '--experiments', root, '--quiet')
  expect(err).toMatch(/name a layer with channels, height and width \(--cam-layer\)\n$/)
})

test('images of one class train, with a note, and are not tested', async () => {
  const args = ['--data-path', one, '--experiments', root, '--experiment-name', 'single']
  const { status, out, err } = await cli('train', '--epochs', '1', ...args)
  expect(status).toBe(0)
  expect(err).toContain('note: all images belong to one class (only)')
  expect(out).not.toContain('test accuracy')
  expect(await cli('test', 'single', '--experiments', root, '--quiet')).toMatchObject({
    status: 2,
    err: `lrp-native: the data set ${one} has only one class (only), so its accuracy would be meaningless\n`
  })
  expect(await cli('report', 'single', '--experiments', root, '--quiet')).toMatchObject({ status: 0, err: '' })
})

test('explain lists the first predictions, and says how many more there are', async () => {
  const explained = async (limit: number): Promise<string> => {
    const args = ['--limit', String(limit), '--output', join(root, 'listed'), '--experiments', root]
    return (await cli('explain', 'mlp-digits', ...args)).out
  }
  const six = (await explained(6)).split('\n')
  expect(six.filter((line) => /: predicted /.test(line))).toHaveLength(5)
  expect(six[5]).toBe('and 1 more, in explain.json')
  expect(await explained(5)).not.toContain('more')
})

test.each(Object.keys(COMMANDS))('%s --help shows one default for what chooses the rules', async (command) => {
  const { out } = await cli(command, '--help')
  const choosers = out.split(/\n(?= +-)/).filter((flag) => /^ *--(rule|composite|rules) /.test(flag))
  expect(choosers.filter((flag) => flag.includes('(default:')).length).toBe(choosers.length > 1 ? 1 : 0)
})

test.each([
  ['train --augment insert=nosuch.png', 1, 'the patch nosuch.png cannot be read: it does not exist'],
  [`train --augment insert=${array}@1:1`, 1, `the patch ${array} is not a readable image`],
  ['train --exclude nosuch.csv', 1, 'the list nosuch.csv cannot be read: it does not exist'],
  ['report --format md --output -', 2, "--output must be a file or folder, not '-': results are not written to stdout"],
  ['explain --output -', 2, "--output must be a file or folder, not '-': results are not written to stdout"]
])('%s', async (words, status, sentence) => {
  const found = await cli(...words.split(' '), '--experiments', root)
  expect([found.status, found.err]).toEqual([status, `lrp-native: ${sentence}\n`]) // and no word of data before it
})

test('export makes the folder that it writes into', async () => {
  const path = join(root, 'made', 'net.onnx')
  expect(await cli('export', 'mlp-digits', '--output', path, '--experiments', root, '--quiet')).toMatchObject({
    status: 0
  })
})
