import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Browser } from 'puppeteer-core'
import { describeInBrowser, faultsOf, launch, openPage } from '../chromium.js'
import { cli } from '../cli/run.js'

jest.setTimeout(600_000)

describeInBrowser('the report', () => {
  const root = mkdtempSync(join(tmpdir(), 'lrp-report-'))
  const flags = ['--experiments', root, '--quiet']
  let browser: Browser
  beforeAll(async () => {
    for (const command of [
      ['train', '--model', 'lenet', '--epochs', '6', '--experiment-name', 'one'],
      ['test'],
      ['explain', '--composite', 'epsilon-plus', '--limit', '8'],
      ['explain', '--rule', 'alpha2beta1', '--limit', '4'],
      ['evaluate', '--rules', 'epsilon,gradient,random', '--limit', '10', '--randomisation', '5'],
      ['remove-features', '--limit', '10', '--pictures', '2'],
      ['train', '--epochs', '4', '--experiment-name', 'two'],
      ['report', 'one', 'two', '--output', join(root, 'report.html')]
    ]) {
      expect(await cli(...command, ...flags)).toMatchObject({ status: 0 })
    }
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(root, { recursive: true, force: true })
  })

  const open = (scheme: 'light' | 'dark', width: number): ReturnType<typeof openPage> =>
    openPage(browser, pathToFileURL(join(root, 'report.html')).href, { scheme, width, own: /^(file|data):/ })

  test.each<['light' | 'dark', number]>([
    ['light', 1280],
    ['dark', 390]
  ])(
    'opens from disk without complaint, request or serious accessibility finding (%s, %i pixels)',
    async (scheme, width) => {
      const { page, complaints } = await open(scheme, width)
      expect(await faultsOf(page)).toEqual([])
      expect(complaints).toEqual([])
      await page.close()
    }
  )

  test('charts have titles', async () => {
    const { page } = await open('light', 1280)
    const captions = await page.$$eval('figcaption', (all) =>
      all.map((one) => (one as unknown as { textContent: string }).textContent.trim())
    )
    for (const title of ['Loss per epoch', 'Confusion matrix', 'Accuracy per class', 'Largest errors'])
      expect(captions).toContain(title)
    for (const name of ['confusion', 'per-class', 'worst-errors', 'morf', 'curve']) expect(captions).not.toContain(name)
    await page.close()
  })

  test('the chooser shows one method at a time', async () => {
    const { page } = await open('light', 1280)
    const shown = () =>
      page.$$eval('[data-in^="explanations-"]', (all) =>
        all
          .filter((one) => !(one as unknown as { hidden: boolean }).hidden)
          .map((one) => (one as unknown as { dataset: { key: string } }).dataset.key)
      )
    const before = await shown()
    expect(before).toHaveLength(1)
    const other = before[0] === 'alpha2beta1' ? 'epsilon-plus' : 'alpha2beta1'
    await page.select('select[data-group="explanations-0"]', other)
    expect(await shown()).toEqual([other])
    await page.close()
  })

  test('the chooser of classes leaves the images of one', async () => {
    const { page } = await open('light', 1280)
    const visible = () =>
      page.$$eval('[data-in="explanations-0"]:not([hidden]) figure:not([hidden])', (all) =>
        all.map((one) => (one as unknown as { dataset: { class: string } }).dataset.class)
      )
    const before = await visible()
    expect(before).toHaveLength(4)
    const [first] = before
    await page.select('select[data-classes="explanations-0"]', first!)
    expect(await visible()).toEqual(before.filter((one) => one === first))
    await page.close()
  })

  test('long grids show a page of pictures at a time', async () => {
    const { page } = await open('light', 1280)
    await page.select('select[data-group="explanations-0"]', 'epsilon-plus')
    const grid = '[data-in="explanations-0"][data-key="epsilon-plus"]'
    const shown = () => page.$$eval(`${grid} figure:not([hidden])`, (all) => all.length)
    const text = () =>
      page.$eval(`${grid} .pager span`, (span) => (span as unknown as { textContent: string }).textContent)
    expect([await shown(), await text()]).toEqual([6, '1 to 6 of 8'])
    await page.click(`${grid} .pager button:last-child`)
    expect([await shown(), await text()]).toEqual([2, '7 to 8 of 8'])
    await page.click(`${grid} .pager button:first-child`)
    expect(await shown()).toBe(6)
    await page.close()
  })

  test('every part shows the command that made it', async () => {
    const { page } = await open('light', 1280)
    const commands = await page.$$eval('code', (all) =>
      all.map((one) => (one as unknown as { textContent: string }).textContent)
    )
    for (const command of [
      /^npx lrp-native test one$/,
      /^npx lrp-native explain one --limit 8 --composite epsilon-plus$/,
      /^npx lrp-native remove-features one --limit 10 --pictures 2$/,
      /^npx lrp-native evaluate one --rules epsilon,gradient,random --randomisation 5 --limit 10$/
    ]) {
      expect(commands).toContainEqual(expect.stringMatching(command))
    }
    await page.close()
  })

  test('the evaluation is in the page, and in the JSON beside it', async () => {
    const { page } = await open('light', 1280)
    const text = (await page.evaluate('document.body.innerText')) as string
    expect(text).toContain('Evaluation of explanations')
    expect(text).toMatch(/ranked by abc/)
    const json = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')) as {
      experiments: {
        evaluation?: { result: { methods: { name: string; scores: Record<string, { mean: number }> }[] } }
      }[]
    }
    const [best] = json.experiments[0]!.evaluation!.result.methods
    expect(text).toContain(best!.scores.abc!.mean.toFixed(3))
    await page.close()
  })
})
