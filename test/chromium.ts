import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe } from '@jest/globals'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

/** Tests that need a browser; skipped, with the reason in their name, where none is installed. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (chromium) describe(`${name} in a browser`, tests)
  else describe.skip(`${name} in a browser (no Chromium is installed)`, tests)
}

export function launch(): Promise<Browser> {
  return puppeteer.launch({ executablePath: chromium!, args: ['--no-sandbox'] })
}

/** Opens a page, and gathers what it complains of and every address it asks for beyond those that are `own`. */
export async function openPage(
  browser: Browser,
  url: string,
  { scheme, width, own }: { scheme: 'light' | 'dark'; width: number; own: RegExp }
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (!own.test(request.url())) complaints.push(`asked for ${request.url()}`)
  })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.setViewport({ width, height: 900 })
  await page.goto(url)
  return { page, complaints }
}

/** What axe-core finds serious or critical, and whether the page is wider than its window. */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8'))
  const findings = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[]
  }
  const serious = findings.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  return [
    ...serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`),
    ...(overflow === 0 ? [] : [`the page is ${String(overflow)} pixels too wide`])
  ]
}
