import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import puppeteer from 'puppeteer-core'
import sharp from 'sharp'
import { root } from './lib/paths.mjs'
import { SetupError, main } from './lib/run.mjs'

// Draws the pictures of docs/images with the commands of docs/gallery.md. It needs dist/, the network for the weights of
// efficientnet_lite0, and Chromium for the page of the audit.
//   node scripts/draw-docs-images.mjs [cat coffee compare explanation audit]
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const OTHERS = 'epsilon-plus,epsilon-gamma-box,auto,gradient,input-x-gradient,integrated-gradients,grad-cam'
const PICTURES = {
  cat: () => drawPhotos('cat', ['cat'], '--views', 'heatmap,overlay,contours'),
  coffee: () => drawPhotos('coffee', ['coffee']),
  compare: () => drawPhotos('compare', ['cat', 'coffee'], '--composite', 'epsilon-plus-flat', '--compare', OTHERS),
  explanation: drawDigit,
  audit: drawAudit
}
const work = mkdtempSync(join(tmpdir(), 'lrp-images-'))

await main(async () => {
  const asked = process.argv.slice(2)
  try {
    for (const [name, draw] of Object.entries(PICTURES)) if (asked.length === 0 || asked.includes(name)) await draw()
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
})

async function drawPhotos(name, photos, ...flags) {
  const files = photos.map((photo) => join(root, 'examples', `${photo}.jpg`))
  lrp('explain', 'efficientnet_lite0', '--input', ...files, ...flags, '--output', name)
  await keep(join(work, name, `${name}.png`), `${name}.webp`)
}

/** The first 7 of the test images. */
async function drawDigit() {
  lrp('train')
  const { folder, predictions } = lrp('explain', '--rule', 'alpha2beta1')
  const [name] = predictions.find((text) => text.includes(': predicted 7 ')).split(':')
  await keep(join(work, folder, `${name}.png`), 'explanation.png')
}

/** The page of an audit, from its first flagged class on. */
async function drawAudit() {
  run(join(root, 'examples', 'plant-artefact.mjs'), 'planted')
  lrp('train', '--data-path', 'planted', '--model', 'lenet', '--epochs', '20', '--experiment-name', 'planted')
  lrp('audit', 'planted', '--data-path', 'planted', '--split', 'all', '--output', 'audit')
  const executablePath = BROWSERS.find(existsSync)
  if (!executablePath) throw new SetupError(`no Chromium is installed: none of ${BROWSERS.join(', ')} exists`)
  const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
    await page.setViewport({ width: 1000, height: 800 })
    await page.goto(String(pathToFileURL(join(work, 'audit', 'audit.html'))))
    await page.$eval('details[open]', (flagged) => flagged.scrollIntoView())
    const picture = join(work, 'audit.png')
    await page.screenshot({ path: picture })
    await keep(picture, 'audit.webp')
  } finally {
    await browser.close()
  }
}

async function keep(picture, name) {
  const drawn = sharp(picture)
  await (name.endsWith('.webp') ? drawn.webp({ quality: 82 }) : drawn.png({ palette: true })).toFile(
    join(root, 'docs', 'images', name)
  )
  console.log(`docs/images/${name}`)
}

function lrp(...args) {
  return JSON.parse(run(join(root, 'dist', 'cli', 'main.js'), ...args, '--json', '--quiet'))
}

function run(...args) {
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: work,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
  if (status !== 0) throw new SetupError(`${args.join(' ')} ended with status ${status}`)
  return stdout
}
