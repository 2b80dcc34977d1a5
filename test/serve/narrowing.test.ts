import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { writeNpy } from '../../src/core/npy.js'
import { explain } from '../../src/explain/explain.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import type { LoadOptions } from '../../src/model/options.js'
import { serve } from '../../src/serve/server.js'
import type { Answer, Facts, Question } from '../../src/serve/protocol.js'
import { floats } from '../shared.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-narrowing-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const fixture = (...parts: string[]): string => join(import.meta.dirname, '..', ...parts)

/** A page about a network of the fixtures, and what it answers. */
async function open(file: string, values: string, options: LoadOptions = {}) {
  const tensors = await readSafetensors(values)
  const input = floats(tensors.get('input') ?? tensors.get('image')!)
  const path = join(root, 'input.npy')
  await writeNpy(path, input)
  const model = await Model.load(file, options)
  const page = await serve(model, { input: [path], port: 0 })
  const ask = async (given: Partial<Question>): Promise<Answer & { message: string }> => {
    const question = { image: 0, choice: 'auto', parameters: {}, target: 'argmax', view: 'heatmap', ...given }
    const body = JSON.stringify(question)
    const response = await fetch(`${page.url}explain`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body
    })
    return (await response.json()) as Answer & { message: string }
  }
  const html = await (await fetch(page.url)).text()
  const facts = JSON.parse(/id="facts">([^<]*)</.exec(html)![1]!) as Facts
  const close = async (): Promise<void> => {
    await page.close()
    model.dispose()
  }
  return { model, input, facts, ask, [Symbol.asyncDispose]: close }
}

test('a dense output is explained in a region, and its classes are those there', async () => {
  await using page = await open(
    fixture('explain', 'dense', 'unet.pt2'),
    fixture('explain', 'dense', 'unet.safetensors')
  )
  expect(page.facts.narrowing.map(({ name }) => name)).toEqual(['region', 'against'])
  const found = await page.ask({ narrowed: { region: '10,20' } })
  expect(found.explained).toMatch(/^class \d at 1 position$/)
  expect(found.outputs[0]).toMatchObject({ index: found.target, probability: 1 })
  expect(found.outlines.length).toBeGreaterThan(0)
  const other = await page.ask({ target: (found.target + 1) % 5 }) // predicted nowhere: its region is empty
  const shares = other.outputs.map(({ probability }) => probability!)
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6) // of all positions
  expect(found.command).toMatch(/ --region 10,20 --composite auto$/)
  const first = {
    ...page.input,
    data: page.input.data.slice(0, page.input.data.length / 2),
    shape: [1, ...page.input.shape.slice(1)]
  }
  expect(found.sum).toBeCloseTo((await explain(page.model, first, { composite: 'auto', region: [10, 20] })).sums[0]!, 5)
  expect((await page.ask({ narrowed: { region: '/etc/passwd' } })).message).toMatch(
    /^the setting 'region' must be predicted, all or y,x/
  )
  expect((await page.ask({ narrowed: { regoin: 'all' } })).message).toMatch(/'regoin' is not a setting of the target/)
})

test('images with rows of their own are named together, and none is dropped on the page', async () => {
  const folder = mkdtempSync(join(root, 'lesions-'))
  for (const i of [0, 1, 2]) await sharp({ create: { width: 9, height: 9, channels: 3, background: { r: 80 * i, g: 90, b: 20 } } }).toFile(join(folder, `${i}.png`)) // prettier-ignore
  const patient = { data: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), shape: [3, 3] }
  const loading = { inputName: 'image', constants: { patient }, preprocess: 'none' }
  using model = await Model.load(fixture('model', 'import', 'inputs', 'lesion.pt2'), loading)
  const page = await serve(model, { input: [folder], port: 0 })
  const facts = JSON.parse(/id="facts">([^<]*)</.exec(await (await fetch(page.url)).text())![1]!) as Facts
  expect([facts.images.length, facts.takesImages]).toEqual([3, false])
  const body = JSON.stringify({ image: 1, choice: 'auto', parameters: {}, target: 'argmax', view: 'heatmap' })
  const headers = { 'content-type': 'application/json' }
  const answer = (await (await fetch(`${page.url}explain`, { method: 'POST', headers, body })).json()) as Answer
  expect(answer.command).toContain(` --input ${folder} --composite auto`)
  const dropped = await fetch(`${page.url}images?name=a.png`, { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'x' }) // prettier-ignore
  expect(((await dropped.json()) as { message: string }).message).toMatch(
    /the model needs additional values for each image$/
  )
  await page.close()
})

test('a detection head is explained at its best box', async () => {
  const [file, values] = [
    fixture('explain', 'detector', 'detector.onnx'),
    fixture('explain', 'detector', '64x64.safetensors')
  ]
  await using page = await open(file, values, { inputShape: [3, 64, 64] })
  expect(page.facts.narrowing[0]).toMatchObject({ name: 'box', value: 'best' })
  const found = await page.ask({ narrowed: { box: 'best' } })
  expect(found.explained).toMatch(/^class \d in box \d+$/)
  expect(found.outlines).toHaveLength(1) // the box
  expect(found.outputs).toHaveLength(6)
  expect(found.outputs[0]!.index).toBe(found.target)
})

test('the panels of further inputs lie next to the map, a contrast and a reference narrow the target down', async () => {
  const [file, values] = [
    fixture('model', 'import', 'inputs', 'lesion.onnx'),
    fixture('model', 'import', 'inputs', 'lesion.safetensors')
  ]
  const patient = floats((await readSafetensors(values)).get('patient')!)
  await using page = await open(file, values, { constants: { patient }, explainInputs: 'all' })
  expect(page.facts.narrowing.map(({ name }) => name)).toEqual(['against', 'reference'])
  const plain = await page.ask({})
  expect(plain.further.map(({ title }) => title)).toEqual([expect.stringMatching(/^auto: patient, sum /)])
  const contrast = await page.ask({ narrowed: { against: 'runner-up' } })
  expect(contrast.sum).not.toBe(plain.sum)
  expect(contrast.command).toContain('--against runner-up')
  const similar = await page.ask({ narrowed: { reference: '1' } })
  expect([similar.explained, similar.outputs]).toEqual(['the similarity', []])
  expect((await page.ask({ narrowed: { reference: 'nobody' } })).message).toBe("there is no image 'nobody' on the page")
})

test('another output of the network is a choice', async () => {
  const values = fixture('model', 'import', 'inputs', 'lesion.safetensors')
  await using page = await open(fixture('model', 'import', 'inputs', 'lesion.pt2'), values, {
    constants: { patient: floats((await readSafetensors(values)).get('patient')!) }
  })
  expect(page.facts.heads).toEqual([])
  const found = await page.ask({ head: 'features.2', narrowed: { region: 'all' } })
  expect(found.command).toContain('--head features.2')
  expect(found.explained).toMatch(/^channel \d in 100\.0 % of the positions$/)
})

test('the command for another output leaves out the names of the classes, which are those of the first', async () => {
  const values = fixture('model', 'import', 'inputs', 'lesion.safetensors')
  const constants = { patient: floats((await readSafetensors(values)).get('patient')!) }
  using model = await Model.load(fixture('model', 'import', 'inputs', 'lesion.pt2'), { constants })
  const path = join(root, 'lesion.npy')
  await writeNpy(path, floats((await readSafetensors(values)).get('image')!))
  const page = await serve(model, { input: [path], port: 0, loadedWith: { classes: 'two.txt', precision: 'fp64' } })
  const command = async (head?: string): Promise<string> => {
    const body = JSON.stringify({ image: 0, choice: 'epsilon', ...(head && { head, narrowed: { region: 'all' } }) })
    const headers = { 'content-type': 'application/json' }
    return ((await (await fetch(`${page.url}explain`, { method: 'POST', headers, body })).json()) as Answer).command
  }
  expect(await command()).toContain('--classes two.txt')
  expect(await command('features.2')).toMatch(/--precision fp64 --head features\.2 (?!.*--classes)/)
  await page.close()
})
