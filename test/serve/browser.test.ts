import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Browser, Page } from 'puppeteer-core'
import sharp from 'sharp'
import { writeNpy } from '../../src/core/npy.js'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import { Model } from '../../src/model/model.js'
import { serve, type ServedPage } from '../../src/serve/server.js'
import { train } from '../../src/train/train.js'
import { floats } from '../shared.js'
import { describeInBrowser, faultsOf, launch, openPage } from '../chromium.js'

jest.setTimeout(600_000)

describeInBrowser('the page of serve', () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-serve-page-'))
  let browser: Browser
  let model: Model
  let served: ServedPage
  beforeAll(async () => {
    model = (await train({ model: 'lenet', epochs: 3, experimentsRoot: root })).model
    served = await serve(model, { port: 0, limit: 5 })
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await served.close()
    model.dispose()
    rmSync(root, { recursive: true, force: true })
  })

  async function open(scheme: 'light' | 'dark', width: number): Promise<{ page: Page; complaints: string[] }> {
    const opened = await openPage(browser, served.url, { scheme, width, own: /^(http:\/\/127\.0\.0\.1:|data:)/ })
    await answered(opened.page, '')
    return opened
  }

  const text = (page: Page, id: string): Promise<string> =>
    page.$eval(`#${id}`, (one) => (one as unknown as { textContent: string }).textContent)

  /** Until the page tells of another explanation than the one before. */
  async function answered(page: Page, before: string): Promise<string> {
    const changed = `document.getElementById('told').textContent !== ${JSON.stringify(before)}`
    await page.waitForFunction(`${changed} && !document.getElementById('map').classList.contains('waiting')`)
    return text(page, 'told')
  }

  /** Turns a slider or chooses in a list. */
  async function turn(page: Page, id: string, value: string, event: 'input' | 'change'): Promise<string> {
    const before = await text(page, 'told')
    const set = `{ const one = document.getElementById('${id}'); one.value = '${value}'; one.dispatchEvent(new Event('${event}')) }`
    await page.evaluate(set)
    return answered(page, before)
  }

  test.each<['light' | 'dark', number]>([
    ['light', 1280],
    ['dark', 390]
  ])(
    'opens without complaint, foreign request or serious accessibility finding (%s, %i pixels)',
    async (scheme, width) => {
      const { page, complaints } = await open(scheme, width)
      expect(await faultsOf(page)).toEqual([])
      expect(complaints).toEqual([])
      await page.close()
    }
  )

  test('the map follows the rule, its slider, the class and the image', async () => {
    const { page, complaints } = await open('light', 1280)
    const picture = (): Promise<string> => page.$eval('#picture', (one) => (one as unknown as { src: string }).src)
    const seen = [await picture()]
    expect(await turn(page, 'choice', 'gamma', 'change')).toMatch(/^gamma for /)
    seen.push(await picture())
    expect(await turn(page, 'gamma', '1', 'input')).toMatch(/^gamma, gamma 10 for /)
    seen.push(await picture())
    const before = await text(page, 'told')
    await page.click('#outputs li:nth-child(3) button')
    expect(await answered(page, before)).not.toBe(before)
    seen.push(await picture())
    expect(await text(page, 'command')).toMatch(
      /^npx lrp-native explain lenet --images \d --target \d --rule gamma --gamma 10$/
    )
    const third = await text(page, 'told')
    await page.click('#gallery li:nth-child(3) button')
    await answered(page, third)
    seen.push(await picture())
    expect(new Set(seen).size).toBe(seen.length)
    expect(complaints).toEqual([])
    await page.close()
  })

  test('a slider stands at the value in effect, and is pale while layers differ', async () => {
    const { page } = await open('light', 1280)
    const gamma = (): Promise<unknown> =>
      page.evaluate(
        "(({ value, ariaValueText, className }) => [Number(value), ariaValueText, className])(document.getElementById('gamma'))"
      )
    await turn(page, 'choice', 'gamma', 'change')
    expect(await gamma()).toEqual([-0.6, '0.25', ''])
    await turn(page, 'choice', 'lrp-tutorial', 'change')
    expect(await gamma()).toEqual([-0.5, 'default of each layer', 'layers'])
    await turn(page, 'gamma', '0', 'input')
    expect(await gamma()).toEqual([0, '1', ''])
    await page.close()
  })

  test('maps are kept beside each other, and put away', async () => {
    const { page } = await open('light', 1280)
    await page.click('#keep')
    await turn(page, 'choice', 'epsilon-plus', 'change')
    const kept = (): Promise<string[]> =>
      page.$$eval('[data-kept] figcaption', (all) =>
        all.map((one) => (one as unknown as { textContent: string }).textContent)
      )
    expect(await kept()).toEqual([expect.stringMatching(/^auto for /)])
    await page.click('#forget')
    expect(await kept()).toEqual([])
    await page.close()
  })

  test('a similarity hides the list of classes, which comes back with them', async () => {
    const fixture = (name: string): string => join(import.meta.dirname, '..', 'model', 'import', 'inputs', name)
    const tensors = await readSafetensors(fixture('lesion.safetensors'))
    const input = join(root, 'lesions.npy')
    await writeNpy(input, floats(tensors.get('image')!))
    using lesion = await Model.load(fixture('lesion.pt2'), { constants: { patient: floats(tensors.get('patient')!) } })
    const own = await serve(lesion, { input: [input], port: 0 })
    const { page } = await openPage(browser, own.url, { scheme: 'light', width: 1280, own: /./ })
    await answered(page, '')
    const isShown = (): Promise<boolean> =>
      page.$eval('#outputs-section', (one) => (one as unknown as { offsetHeight: number }).offsetHeight > 0)
    expect(await isShown()).toBe(true)
    expect(await turn(page, 'reference', '1', 'change')).toContain('for the similarity')
    expect(await isShown()).toBe(false)
    expect(await turn(page, 'reference', '', 'change')).toContain('for class')
    expect(await isShown()).toBe(true)
    await page.close()
    await own.close()
  })

  test('an image of one’s own is explained; what is no image is told', async () => {
    const { page } = await open('light', 1280)
    const good = join(root, 'own.png')
    await sharp({ create: { width: 30, height: 20, channels: 3, background: '#888' } }).toFile(good)
    const before = await text(page, 'told')
    const input = (await page.$('input#file'))!
    await (input as unknown as { uploadFile: (path: string) => Promise<void> }).uploadFile(good)
    await answered(page, before)
    expect(await text(page, 'named')).toBe('own.png')
    await (input as unknown as { uploadFile: (path: string) => Promise<void> }).uploadFile(__filename)
    await page.waitForFunction("document.getElementById('message').classList.contains('error')")
    expect(await text(page, 'message')).toMatch(/not a readable image/)
    await page.close()
  })
})
