import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Browser, Page } from 'puppeteer-core'
import { audit } from '../../src/audit/audit.js'
import type { AuditResult } from '../../src/audit/result.js'
import { concepts } from '../../src/concepts/concepts.js'
import type { Model } from '../../src/model/model.js'
import { serve } from '../../src/serve/server.js'
import { train } from '../../src/train/train.js'
import { describeInBrowser, faultsOf, launch, openPage } from '../chromium.js'
import { plantedDigits, TARGET } from './planted.js'

jest.setTimeout(600_000)

describeInBrowser('the pages of audit and concepts', () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-audit-pages-'))
  let browser: Browser
  let model: Model
  let result: AuditResult
  beforeAll(async () => {
    const { dataset } = await plantedDigits()
    model = (await train({ data: dataset, model: 'lenet', epochs: 8, experimentsRoot: root })).model
    result = (await audit(model, { data: dataset, output: model.resultFolder('audit') })).result
    await concepts(model, { data: dataset, output: model.resultFolder('concepts'), top: 2, samples: 3 })
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    model.dispose()
    rmSync(root, { recursive: true, force: true })
  })

  const open = (kind: string, scheme: 'light' | 'dark', width: number): ReturnType<typeof openPage> =>
    openPage(browser, pathToFileURL(model.resultFolder(kind, `${kind}.html`)).href, {
      scheme,
      width,
      own: /^(file|data):/
    })
  /** The part of the flagged class, which is open. */
  const EMBEDDING = 'details[open] [data-embedding]'
  const status = (page: Page): Promise<string> =>
    page.$eval(`${EMBEDDING} [role=status]`, (one) => (one as unknown as { textContent: string }).textContent)

  test.each<[string, 'light' | 'dark', number]>([
    ['audit', 'light', 1280],
    ['audit', 'dark', 390],
    ['concepts', 'light', 1280],
    ['concepts', 'dark', 390]
  ])(
    '%s opens from disk without complaint, request or serious accessibility finding (%s, %i pixels)',
    async (kind, scheme, width) => {
      const { page, complaints } = await open(kind, scheme, width)
      await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
      expect(await faultsOf(page)).toEqual([])
      expect(complaints).toEqual([])
      await page.close()
    }
  )

  test('the page of an audit shows the pattern that was found, and what to do next', async () => {
    const { page } = await open('audit', 'light', 1280)
    const texts = (selector: string): Promise<string[]> =>
      page.$$eval(selector, (all) => all.map((one) => (one as unknown as { textContent: string }).textContent))
    expect(await texts('h1')).toEqual(['Is lenet-digits right for the right reasons?'])
    expect(
      await page.$$eval('.cluster.flagged .pattern img', (all) => all.map((one) => one.getAttribute('alt')))
    ).toEqual(result.flagged.map((one) => `Pattern of cluster ${one.cluster} of class ${one.class}`))
    expect(await texts('.next h2')).toEqual(['Next steps'])
    expect(await texts('.next code')).toContainEqual(expect.stringContaining('--augment insert='))
    await page.close()
  })

  test('a square drawn with the mouse chooses the images in it', async () => {
    const { page } = await open('audit', 'light', 1280)
    const svg = (await page.$(`${EMBEDDING} svg`))!
    await svg.scrollIntoView()
    const { x, y, width, height } = (await svg.boundingBox())!
    await page.mouse.move(x + 1, y + 1)
    await page.mouse.down()
    await page.mouse.move(x + width - 1, y + height - 1, { steps: 3 })
    await page.mouse.up()
    const shown = Math.min(200, result.classes.find((one) => one.class === String(TARGET))!.images)
    expect(await status(page)).toMatch(new RegExp(`^In the square: ${shown} images \\(\\d+ of cluster 0, `))
    expect(await page.$$eval(`${EMBEDDING} .thumb[aria-label]`, (all) => all.length)).toBe(Math.min(120, shown))
    await page.close()
  })

  test('the keyboard moves the square, and the buttons choose clusters', async () => {
    const { page } = await open('audit', 'light', 390)
    await page.focus(`${EMBEDDING} button[data-cluster]:last-child`)
    await page.keyboard.press('Tab')
    for (let i = 0; i < 30; i++) await page.keyboard.press('+')
    const counted = async (): Promise<number> => Number(/: (\d+) images?/.exec(await status(page))![1])
    const most = await counted()
    expect(most).toBe(Math.min(200, result.classes.find((one) => one.class === String(TARGET))!.images))
    for (let i = 0; i < 20; i++) await page.keyboard.press('-')
    for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowRight')
    expect(await counted()).toBeLessThan(most)
    await page.focus(`${EMBEDDING} button[data-cluster="0"]`)
    await page.keyboard.press('Enter')
    expect(await status(page)).toMatch(/^Cluster 0: \d+ images$/)
    expect(await page.$eval(`${EMBEDDING} button[data-cluster="0"]`, (one) => one.getAttribute('aria-pressed'))).toBe(
      'true'
    )
    await page.close()
  })

  test('both are pages of serve', async () => {
    const served = await serve(model, { port: 0, data: 'digits', limit: 2 })
    const own = /^(http:\/\/127\.0\.0\.1:|data:)/
    const { page, complaints } = await openPage(browser, served.url, { scheme: 'light', width: 1280, own })
    for (const kind of ['Audit', 'Concepts']) {
      await Promise.all([page.waitForNavigation(), page.click(`nav a[href="${kind.toLowerCase()}.html"]`)])
      expect(
        await page.$eval('[aria-current=page]', (one) => (one as unknown as { textContent: string }).textContent)
      ).toBe(kind)
      expect(await faultsOf(page)).toEqual([])
    }
    await Promise.all([page.waitForNavigation(), page.click('nav a[href="audit.html"]')])
    await page.click(`${EMBEDDING} button[data-cluster="0"]`)
    expect(await status(page)).toMatch(/^Cluster 0: /)
    expect(complaints).toEqual([])
    await page.close()
    await served.close()
  })
})
