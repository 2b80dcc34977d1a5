import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { CliContext } from '../../src/cli/context.js'
import { run } from '../../src/cli/program.js'
import { openDataset } from '../../src/data/open.js'
import type { Dataset } from '../../src/data/dataset.js'
import { explain } from '../../src/explain/explain.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'
import { normaliseBytes } from '../../src/model/preprocessing.js'
import { loadImages } from '../../src/data/dataset.js'
import { serve, type ServedPage } from '../../src/serve/server.js'
import type { Answer, Facts, Question } from '../../src/serve/protocol.js'
import { train } from '../../src/train/train.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-serve-'))
let model: Model
let page: ServedPage
let data: Dataset
beforeAll(async () => {
  data = await openDataset({})
  const settings = { data, model: 'lenet', epochs: 2, experimentsRoot: root, experimentName: 'digits' }
  model = (await train(settings)).model
  page = await serve(model, { data, limit: 3, port: 0, called: 'digits' })
})
afterAll(async () => {
  await page.close()
  model.dispose()
  rmSync(root, { recursive: true, force: true })
})

const question: Question = { image: 1, choice: 'gamma', parameters: { gamma: 0.5 }, target: 3, view: 'heatmap' }

async function ask(given: unknown, headers: Record<string, string> = {}): Promise<{ status: number; found: Answer }> {
  const body = typeof given === 'string' ? given : JSON.stringify(given)
  const response = await fetch(`${page.url}explain`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body
  })
  return { status: response.status, found: (await response.json()) as Answer }
}

async function facts(): Promise<Facts> {
  const html = await (await fetch(page.url)).text()
  return JSON.parse(/id="facts">([^<]*)</.exec(html)![1]!) as Facts
}

describe('the page behind "lrp-native serve"', () => {
  test('knows the model, the images and what can be chosen', async () => {
    const known = await facts()
    expect(known).toMatchObject({
      model: 'digits',
      device: expect.stringMatching(/^cpu$|^cuda:0$/),
      values: false,
      outputNoun: 'class',
      noun: 'image',
      classes: data.classes
    })
    expect(known.images.map(({ label }) => label)).toEqual(
      [...data.splits.test.labels.subarray(0, 3)].map((label) => data.classes[label])
    )
    const byName = new Map(known.choices.map((choice) => [choice.name, choice]))
    expect(byName.get('gamma')).toMatchObject({ kind: 'rule', parameters: { gamma: 0.25, epsilon: 1e-6 } })
    expect(byName.get('epsilon-gamma-box')).toMatchObject({
      kind: 'composite',
      parameters: { epsilon: 1e-6, gamma: 0.25 }
    })
    expect(byName.get('grad-cam')).toMatchObject({ kind: 'method', parameters: {} })
    expect(byName.has('patternnet')).toBe(false)
  })

  test('explains with what explain computes, and says the command line', async () => {
    const { status, found } = await ask({ ...question, start: 'one', topK: 0.5, colourMap: 'hot', quantile: 0.99 })
    expect(status).toBe(200)
    const { bytes, shape } = await loadImages(data, 'test', 1, 2)
    const input = normaliseBytes(bytes, shape, model.preprocessing!)
    const wanted = await explain(model, input, { rule: 'gamma', gamma: 0.5, target: 3, start: 'one', topK: 0.5 })
    expect(found.sum).toBeCloseTo(
      wanted.relevance.data.reduce((sum, value) => sum + value, 0),
      5
    )
    expect(found).toMatchObject({ target: 3, width: 8, height: 8, outlines: [] })
    expect(found.outputs).toHaveLength(10)
    expect(found.outputs.map(({ value }) => value)).toEqual([...wanted.logits.data].sort((a, b) => b - a))
    expect(found.outputs.reduce((sum, { probability }) => sum + probability!, 0)).toBeCloseTo(1, 6)
    expect(found.command).toBe(
      'npx lrp-native explain digits --images 1 --target 3 --start one --rule gamma --gamma 0.5 --top-k 0.5 --colour-map hot --quantile 0.99'
    )
    const png = await sharp(Buffer.from(found.picture.split(',')[1]!, 'base64')).metadata()
    expect(png).toMatchObject({ width: 8, height: 8, format: 'png' })
  })

  test('takes what it is not told for granted', async () => {
    const { found } = await ask({ image: 1, choice: 'epsilon' })
    const whole = await ask({ image: 1, choice: 'epsilon', parameters: {}, target: 'argmax', view: 'heatmap' })
    expect({ ...found, milliseconds: 0 }).toEqual({ ...whole.found, milliseconds: 0 })
  })

  test('knows files by their names, and the values that are in effect in all layers', async () => {
    const write = (name: string, content: object): string => {
      const path = join(root, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, JSON.stringify(content))
      return path
    }
    const layers = (gamma: number, rule: string) => [
      { kind: 'convolution', rule: 'gamma', parameters: { gamma } },
      { kind: 'linear', rule }
    ]
    const one = write('one.json', { name: 'one', layers: layers(0.1, 'epsilon') })
    const two = write('two.json', { name: 'two', layers: layers(0.1, 'gamma') })
    const own = write('own.json', { name: 'own', parameters: { lift: 3 }, shares: [{ terms: [{ factor: 'lift' }] }] })
    const same = ['a', 'b'].map((folder) =>
      write(join(folder, 'same.json'), { name: folder, layers: layers(1, 'flat') })
    )
    const other = await serve(model, { data, limit: 1, port: 0, rules: [one, two, own, ...same] })
    const { choices } = JSON.parse(/id="facts">([^<]*)</.exec(await (await fetch(other.url)).text())![1]!) as Facts
    await other.close()
    expect(choices.slice(0, 5).map(({ name, label, parameters }) => [name, label, parameters])).toEqual([
      [one, 'one.json', { epsilon: 1e-6, gamma: 0.1 }],
      [two, 'two.json', { epsilon: 1e-6, gamma: null }],
      [own, 'own.json', { epsilon: 1e-6, lift: 3 }],
      [same[0], undefined, { epsilon: 1e-6, gamma: 1 }],
      [same[1], undefined, { epsilon: 1e-6, gamma: 1 }]
    ])
  })

  test('offers no reference where the outputs are classes, and says what else narrows a target down', async () => {
    expect((await facts()).narrowing.map(({ name }) => name)).toEqual(['against'])
    expect(await (await fetch(page.url)).text()).toMatch(/<small[^>]*id="against-help">class to compare with/)
  })

  test('answers for every choice', async () => {
    const { choices } = await facts()
    for (const { name } of choices) {
      const { status, found } = await ask({ ...question, choice: name, target: 'argmax' })
      expect({ name, status }).toEqual({ name, status: 200 })
      expect(Number.isFinite(found.sum)).toBe(true)
    }
  })

  test('draws contours as lines', async () => {
    const { found } = await ask({ ...question, view: 'contours' })
    expect(found.outlines[0]!.path).toMatch(/^M/)
    expect(found.command).toMatch(/--views contours$/)
  })

  test('takes up images of any format, and names what is none', async () => {
    const image = sharp({ create: { width: 20, height: 14, channels: 3, background: '#fff' } })
    const add = (body: Buffer): Promise<Response> =>
      fetch(`${page.url}images?name=${encodeURIComponent('<b>.webp')}`, {
        method: 'POST',
        body: Uint8Array.from(body),
        headers: { 'content-type': 'image/webp' }
      })
    const added = await add(await image.webp().toBuffer())
    const { image: number } = (await added.json()) as { image: number }
    expect(number).toBe(3)
    expect((await facts()).images[3]).toEqual({ name: '<b>.webp' })
    const picture = await fetch(`${page.url}images/3.png`)
    expect(await sharp(Buffer.from(await picture.arrayBuffer())).metadata()).toMatchObject({ width: 96, height: 96 })
    expect((await ask({ ...question, image: 3 })).found.command).toMatch(
      /^npx lrp-native explain digits --input '<b>.webp' /
    )
    const broken = await add(Buffer.from('no image'))
    expect(broken.status).toBe(400)
    expect(await broken.json()).toMatchObject({ code: 'INVALID_FILE' })
    expect((await add(Buffer.alloc(33 * 2 ** 20))).status).toBe(400)
  })

  test.each([
    [{ ...question, image: 99 }, 404, 'NOT_FOUND', /no image 99/],
    [{ ...question, choice: 'gama' }, 404, 'NOT_FOUND', /'gama'/],
    [{ ...question, target: 10 }, 400, 'INVALID_ARGUMENT', /10/],
    [{ ...question, parameters: { gamma: -1 } }, 400, 'INVALID_ARGUMENT', /gamma/],
    [{ ...question, parameters: { gamma: 'x' } }, 400, 'INVALID_ARGUMENT', /gamma/],
    [{ ...question, colourMap: 'pink' }, 400, 'INVALID_ARGUMENT', /pink/],
    [{ ...question, more: 1 }, 400, 'INVALID_ARGUMENT', /more/],
    [{ target: 1 }, 400, 'INVALID_ARGUMENT', /^the request must have image and choice$/],
    [[], 400, 'INVALID_ARGUMENT', /request/],
    ['{', 400, 'INVALID_ARGUMENT', /JSON/]
  ])('a wrong question %j gets one sentence', async (given, wanted, code, message) => {
    const { status, found } = await ask(given)
    expect({ status, ...found }).toEqual({ status: wanted, code, message: expect.stringMatching(message) })
  })

  test('other sites and other names for this machine are turned away', async () => {
    const foreign = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(page.url)
        const asking = request({ port, host: '127.0.0.1', path: '/', headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        asking.on('error', reject).end()
      })
    expect(await foreign({ host: 'evil.example' })).toBe(403)
    expect(await foreign({ host: `localhost:${new URL(page.url).port}` })).toBe(200)
    expect(await foreign({ host: 'localhost', origin: 'http://evil.example' })).toBe(403)
    expect((await ask(question, { 'content-type': 'text/plain' })).status).toBe(400)
    const { headers } = await fetch(page.url)
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'/)
    expect((await fetch(`${page.url}nothing`)).status).toBe(404)
    const asked = await fetch(`${page.url}explain`)
    expect(asked.status).toBe(405)
    expect(await asked.json()).toEqual({
      code: 'INVALID_ARGUMENT',
      message: 'only POST requests are accepted at /explain (docs/how-to/web-service.md)'
    })
  })

  test('a network that does not fit the images, and a port that is taken, are named', async () => {
    const builder = new GraphBuilder([5])
    const row = await Model.create(await initialise(builder.finish('row', builder.linear('a', 'input', 2)), 0))
    await expect(serve(row, { port: 0 })).rejects.toThrow(
      'row takes rows of 5, not images (a data set): pass one .npy file'
    )
    row.dispose()
    const port = Number(new URL(page.url).port)
    await expect(serve(model, { data, port })).rejects.toThrow(/the port is in use/)
    await expect(serve(model, { data, port: 1e6 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

test('a path that is no address, and too many uploads at once, are refused', async () => {
  const { port } = new URL(page.url)
  const status = await new Promise((resolve, reject) => {
    request({ port, path: '//' }, ({ statusCode }) => resolve(statusCode))
      .on('error', reject)
      .end()
  })
  expect(status).toBe(400)
  const grey = { width: 28, height: 28, channels: 3, background: '#888' } as const
  const image = new Uint8Array(await sharp({ create: grey }).png().toBuffer())
  const before = (await facts()).images.length
  const upload = (): Promise<Response> => fetch(`${page.url}images`, { method: 'POST', body: image })
  const answers = await Promise.all(Array.from({ length: 80 }, upload))
  const taken = answers.filter(({ status }) => status === 200).length
  expect(taken).toBeLessThanOrEqual(64)
  expect((await facts()).images.length).toBe(before + taken)
  expect((await upload()).status).toBe(400)
})

test('the command serves until it is interrupted', async () => {
  const [stdout, stderr, stop] = [new PassThrough(), new PassThrough(), new AbortController()]
  const told = new Promise<string>((resolve) => stdout.once('data', (chunk: Buffer) => resolve(String(chunk))))
  const status = run(
    ['serve', 'digits', '--experiments', root, '--port', '0', '--limit', '2', '--json'],
    new CliContext(stdout, stderr, stop.signal)
  )
  const { url } = JSON.parse(await told) as { url: string }
  expect(await (await fetch(url)).text()).toContain('Why did digits decide that?')
  stop.abort()
  expect(await status).toBe(0)
  await expect(fetch(url)).rejects.toThrow()
})

test('the pages of audit and concepts are linked where they are about this model', async () => {
  const get = async (path: string): Promise<{ status: number; text: string; policy: string }> => {
    const response = await fetch(page.url + path)
    const policy = response.headers.get('content-security-policy')!
    return { status: response.status, text: await response.text(), policy }
  }
  expect((await get('')).text).not.toContain('audit.html')
  expect((await get('audit.html')).status).toBe(404)
  const write = (kind: string, about: string): void => {
    const folder = model.resultFolder(kind)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${kind}.json`), JSON.stringify({ model: about }))
    writeFileSync(join(folder, `${kind}.html`), `<body><main>${kind} of ${about}</main><script>1</script></body>`)
  }
  write('audit', model.name)
  write('concepts', 'another model')
  const { text } = await get('')
  expect(text).toContain('<a href="audit.html">Audit</a>')
  expect(text).not.toContain('concepts.html')
  const audited = await get('audit.html')
  expect(audited).toMatchObject({ status: 200, text: expect.stringContaining(`audit of ${model.name}`) })
  expect(audited.text).toContain('<a href="./">Explain</a> <a href="audit.html" aria-current="page">Audit</a>')
  expect(audited.policy).toContain("script-src 'unsafe-inline'")
  expect(audited.policy).toContain("default-src 'none'")
  expect((await get('concepts.html')).status).toBe(404)
})
