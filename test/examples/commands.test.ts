import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync, spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { COMMANDS } from '../../src/cli/commands/index.js'
import { CliContext } from '../../src/cli/context.js'
import { run } from '../../src/cli/program.js'
import { packageRoot } from '../../src/core/paths.js'
import { cli } from '../cli/run.js'
import { examplesOfDocs, examplesOfHelp, programsOf, type Example } from './extract.js'
import { makeWorkspace, putAside } from './workspace.js'

jest.setTimeout(600_000)

/** What is not run here, and why. */
const LEFT_OUT: [RegExp, string][] = [
  [/torchrun|srun|RANK=/, 'several processes: test/train/distributed.test.ts'],
  [/lrp-native doctor/, 'is about this machine, downloads and builds: test/scripts/setup.test.ts'],
  [/efficientnet_lite\d/, 'a published network: test/model/published-networks.test.ts'],
  [/--masks/, 'a dense network and its masks: test/scores/segmentation.test.ts'],
  [/fcn\.onnx/, 'a dense network with named classes: test/explain/dense.test.ts'],
  [/planted/, 'what a tutorial makes: test/examples/tutorials.test.ts'],
  [/keras\.json/, 'a network of Keras: scripts/check-keras.mjs'],
  [/(resnet18|vgg16|resnet20)\.(pth|th)\b/, 'published weights: test/model/import/logits.test.ts']
]

/** Words that stand for something of the reader's own. */
const MEANT: [RegExp, string][] = [
  [/(--data mnist .*)\bDIR\b/, '$1path/to/mnist'],
  [/--data-path DIR\b/, '--data-path folders'],
  [/\b(DIR|my-model)\b/, 'vit-base-patch16-224'],
  [/^(lrp-native inspect) MODEL/, '$1 model.onnx'],
  [/^(lrp-native evaluate) model.onnx (?=.*--attribution)/, '$1 mlp-digits '], // all metrics of large images take minutes
  [/\b(MODEL|NAME)\b/, 'mlp-digits'],
  [/\bFOLDER\b/, 'converted'],
  [/\bFILE\b/, 'exported'],
  [/\bA,B,\.\.\./, 'epsilon,gradient']
]

/** What makes an example quick. */
const QUICK: Record<string, string[]> = {
  train: ['--epochs', '1'],
  finetune: ['--epochs', '1'],
  tune: ['--epochs', '1'],
  evaluate: ['--limit', '2'],
  'remove-features': ['--limit', '4'],
  'fit-patterns': ['--limit', '100'],
  concepts: ['--limit', '20'],
  audit: ['--limit', '60'],
  serve: ['--port', '0']
}

const start = process.cwd()
const root = mkdtempSync(join(tmpdir(), 'lrp-examples-'))
let kept: string[]
beforeAll(async () => {
  process.chdir(root)
  await makeWorkspace()
  kept = readdirSync('experiments')
})
afterAll(() => {
  process.chdir(start)
  rmSync(root, { recursive: true, force: true })
})

function wordsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
}

/** Runs a command line; `serve` until it says where it serves. */
async function lrp(args: string[]): Promise<{ status: number; out: string; err: string }> {
  if (args.some((word) => word.includes('virelay'))) return built(args) // Jest does not resolve h5wasm
  if (args[0] !== 'serve') return cli(...args)
  const [stdout, stderr, stop] = [new PassThrough(), new PassThrough(), new AbortController()]
  let out = ''
  stdout.on('data', (chunk: Buffer) => {
    out += String(chunk)
    stop.abort()
  })
  const status = await run(args, new CliContext(stdout, stderr, stop.signal))
  return { status, out, err: String(stderr.read() ?? '') }
}

/** The same by the built command line, in a process of its own. */
function built(args: string[]): { status: number; out: string; err: string } {
  const main = join(packageRoot, 'dist', 'cli', 'main.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { status: status ?? 1, out: stdout, err: stderr }
}

async function check({ text, printed }: Example): Promise<void> {
  const meant = MEANT.reduce((line, [word, value]) => line.replaceAll(new RegExp(word, 'g'), value), text)
  const [command = '', redirect] = meant.split(/\s*>\s*/)
  const args = wordsOf(command).slice(1)
  const quick = args.includes('--resume') || args.includes('--attribution') ? [] : (QUICK[args[0]!] ?? [])
  const folder = args.includes('--logits') ? 'of-model' : '.'
  process.chdir(join(root, folder))
  const { status, out, err } = await lrp([...args, ...quick])
  process.chdir(root)
  const written = [...out.matchAll(/^(?:written to|report:) (.+)$/gm)].map(([, path]) => path!)
  const outputs = args.flatMap((word, i) => (word === '--output' ? [args[i + 1]!] : []))
  const missing = [...written, ...outputs].filter((path) => !existsSync(path))
  putAside(kept)
  if (printed) {
    expect((out + err).trimEnd().split('\n')).toEqual(printed)
    return
  }
  expect({ text, status, err: status === 0 ? '' : err, missing }).toEqual({ text, status: 0, err: '', missing: [] })
  if (args.includes('--json')) expect(() => JSON.parse(out) as unknown).not.toThrow()
  if (redirect !== undefined) expect(out).not.toBe('')
}

function runnable(examples: Example[]): Example[] {
  const seen = new Set<string>()
  return examples.filter(({ text }) => {
    if (seen.has(text) || LEFT_OUT.some(([pattern]) => pattern.test(text))) return false
    seen.add(text)
    return true
  })
}

const documented = runnable(examplesOfDocs())

test.each([...new Set(documented.map(({ where }) => where))])('the commands of %s', async (page) => {
  for (const example of documented.filter(({ where }) => where === page)) await check(example)
})

test.each([...Object.keys(COMMANDS), 'data inspect'])('the examples of %s --help', async (command) => {
  const { out } = await cli(...command.split(' '), '--help')
  const examples = examplesOfHelp(out, command)
  expect(examples.length).toBeGreaterThan(0)
  for (const example of runnable(examples)) await check(example)
})

test('nothing is left out for a reason that has gone', () => {
  const all = examplesOfDocs().map(({ text }) => text)
  for (const [pattern] of LEFT_OUT) expect(all.some((text) => pattern.test(text))).toBe(true)
})

test('the programs of the README and of the docs run', () => {
  const programs = ['README.md', 'docs/data.md'].flatMap((page) => programsOf(page))
  expect(programs.length).toBeGreaterThan(1)
  for (const [i, program] of programs.entries()) {
    const path = join(packageRoot, 'build', `example-${process.pid}-${i}.mjs`)
    writeFileSync(path, program)
    try {
      execFileSync(process.execPath, [path], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    } finally {
      rmSync(path)
    }
  }
})
