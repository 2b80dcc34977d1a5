import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { beforeAll, describe, expect, jest, test } from '@jest/globals'
import { CliContext } from '../../src/cli/context.js'
import { run } from '../../src/cli/program.js'
import { readNpy, writeNpy } from '../../src/core/npy.js'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

interface Result {
  status: number
  stdout: string
  stderr: string
}

async function lrp(...args: string[]): Promise<Result> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const status = await run(args, new CliContext(stdout, stderr, new AbortController().signal))
  return { status, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

const sentence = (text: string): string => text.trim().split('\n').at(-1)!

describe('the command line', () => {
  let root = ''
  let experiments: string[] = []
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'lrp-cli-'))
    experiments = ['--experiments', join(root, 'experiments')]
    const { status, stderr } = await lrp('train', '--epochs', '4', ...experiments, '--quiet')
    expect([status, stderr]).toEqual([0, ''])
  })

  test('help of every command has examples and ends with 0', async () => {
    const { stdout } = await lrp('--help')
    expect(stdout.match(/^ {2}\$ npx lrp-native /gm)).toHaveLength(3)
    const names = [...stdout.matchAll(/^ {2}([a-z][a-z-]+)/gm)]
      .map((match) => match[1]!)
      .filter((name) => name !== 'help')
    expect(names).toEqual(
      expect.arrayContaining(['train', 'test', 'explain', 'remove-features', 'report', 'rules', 'doctor'])
    )
    for (const name of names) {
      const help = await lrp(name, '--help')
      expect([name, help.status]).toEqual([name, 0])
      expect(help.stdout).toContain('Examples:')
    }
  })

  test.each(['rules', 'composites'])('%s lists before the addon is there', (name) => {
    const main = join(packageRoot, 'dist', 'cli', 'main.js')
    const env = { ...process.env, LRP_NATIVE_ADDON: join(root, 'missing.node') }
    expect(execFileSync(process.execPath, [main, name], { env, encoding: 'utf8' })).toContain('epsilon')
  })

  test('explain takes the newest experiment and writes what the contract says', async () => {
    const output = join(root, 'explained')
    const { status, stdout } = await lrp(
      'explain',
      '--rule',
      'alpha2beta1',
      ...experiments,
      '--format',
      'png,npy,npz,html',
      '--output',
      output,
      '--json',
      '--quiet'
    )
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ method: 'alpha2beta1', folder: output })
    expect((await readNpy(join(output, 'relevance.npy'))).shape).toEqual([10, 1, 8, 8])
    expect((await readNpy(join(output, 'logits.npy'))).shape).toEqual([10, 10])
    const json = JSON.parse(readFileSync(join(output, 'explain.json'), 'utf8')) as Record<string, unknown>
    for (const key of ['target', 'rules', 'layers', 'conservationError', 'milliseconds'])
      expect(json).toHaveProperty(key)
    for (const name of ['00000.png', '00009.png', 'explanation.npz', 'explanation.html'])
      expect(existsSync(join(output, name))).toBe(true)
  })

  test('evaluate compares the usual methods, whatever the seed', async () => {
    const few = ['--limit', '1', '--metrics', 'sparseness', '--draws', '1', '--output', join(root, 'evaluated')]
    const { stdout } = await lrp('evaluate', ...experiments, ...few, '--seed', '3', '--json', '--quiet')
    expect(JSON.parse(stdout)).toMatchObject({ settings: { seed: 3, methods: expect.arrayContaining(['random']) } })
  })

  test('with .npy input no preprocessing happens, and several targets lead', async () => {
    const path = join(root, 'x.npy')
    await writeNpy(path, { data: new Float32Array(2 * 64).fill(0.5), shape: [2, 1, 8, 8] })
    const output = join(root, 'npy')
    const { status } = await lrp(
      'explain',
      ...experiments,
      '--input',
      path,
      '--target',
      '3,5',
      '--format',
      'npy',
      '--output',
      output,
      '--quiet'
    )
    expect(status).toBe(0)
    expect((await readNpy(join(output, 'relevance.npy'))).shape).toEqual([2, 2, 1, 8, 8])
  })

  test('--dry-run names the rule of each layer, and what the run takes', async () => {
    const { stdout } = await lrp('explain', ...experiments, '--composite', 'lrp-tutorial', '--dry-run')
    expect(stdout).toMatch(/linear\s+zbox\(/)
    expect(stdout).toMatch(/linear\s+epsilon\(epsilon=1e-9\)/)
    expect(stdout).toMatch(/^10 images in 1 pass: about [\d.e-]+ s and about [\d.]+ MB of memory$/m)
  })

  test('fit-patterns feeds patternattribution', async () => {
    expect((await lrp('fit-patterns', ...experiments, '--quiet')).status).toBe(0)
    const { status, stderr } = await lrp('explain', ...experiments, '--rule', 'patternattribution', '--quiet')
    expect([status, stderr]).toEqual([0, ''])
  })

  test('remove-features and report', async () => {
    const removal = await lrp(
      'remove-features',
      ...experiments,
      '--rule',
      'epsilon',
      '--json',
      '--quiet',
      '--pictures',
      '2'
    )
    const { curve } = JSON.parse(removal.stdout) as { curve: { important: number; unimportant: number }[] }
    expect(curve[3]!.unimportant - curve[3]!.important).toBeGreaterThan(0.3)
    const report = await lrp('report', ...experiments, '--json')
    const path = (JSON.parse(report.stdout) as { report: string }).report
    const page = readFileSync(path, 'utf8')
    expect(page).toContain('<html lang="en">')
    expect(page).not.toMatch(/(src|href)="https?:/)
  })

  test('a folder of the same name that holds no model does not hide an experiment', async () => {
    expect(existsSync('docs')).toBe(true)
    const small = ['--epochs', '1', '--hidden-size', '4', '--quiet']
    expect((await lrp('train', ...small, '--experiment-name', 'docs', ...experiments)).status).toBe(0)
    for (const command of ['test', 'inspect']) {
      const { status, stderr } = await lrp(command, 'docs', ...experiments, '--quiet')
      expect([status, stderr]).toEqual([0, ''])
    }
  })

  test.each([
    [['explain', 'x', 'photo.jpg'], 2, "too many arguments for 'explain': expected 1, got 2; pass images with --input"],
    [['explain', '--image', 'photo.jpg'], 2, "there is no flag '--image': did you mean '--input'?"],
    [['finetune', '--hed', '1'], 2, "there is no flag '--hed': did you mean '--help' or '--seed'?"],
    [['explian'], 2, "did you mean 'explain'"],
    [['explain', '--rule', 'epsilom'], 2, "there is no rule 'epsilom': did you mean 'epsilon'?"],
    [['explain', '--composite', 'epsilon-pluss'], 2, "did you mean 'epsilon-plus'?"],
    [['explain', '--epsilon', '-1'], 2, 'epsilon'],
    [['explain', '--epsilon', 'much'], 2, "--epsilon must be a number, not 'much'"],
    [['explain', '--target', '10'], 2, 'target 10 does not exist: the model has classes 0 to 9'],
    [['explain', '--target', 'best'], 2, "there is no class 'best': choose from 0, 1, 2"],
    [['explain', '--layers', 'conv9', '--rule', 'epsilon'], 2, "there is no layer 'conv9'"],
    [['explain', '--rule', 'epsilon', '--composite', 'epsilon-plus'], 2, 'give only one of'],
    [['explain', '--rule', 'epsilon', '--gamma', '1'], 2, "has no parameter 'gamma'"],
    [
      ['explain', '--rule', 'epsilon', '--method', 'gradient'],
      2,
      '--rule works only with the method lrp, not gradient'
    ],
    [
      ['explain', '--method', 'gradient', '--dry-run'],
      2,
      '--method must be lrp to show rules, because gradient has none'
    ],
    [['explain', '--rule', 'epsilon', '--window', '3'], 2, '--window works only with the method occlusion, not lrp'],
    [['explain', '--rule', 'zbox', '--low', '1', '--high', '0'], 2, '--low must be smaller than --high'],
    [['explain', '--rule', 'norm'], 2, "the rule 'norm' cannot apply to all layers"],
    [['explain', '--input', 'x.png', '--data', 'digits'], 2, 'pass either --input or a data set'],
    [['explain', '--architecture', 'resnet20'], 2, '--architecture works only with a file of weights'],
    [['explain', '--format', 'npy', '--wide'], 2, '--wide works only with the format png, svg or html, not npy'],
    [['explain', '--format', 'npz', '--quantile', '0.9'], 2, '--quantile works only with the format png, svg or html'],
    [['explain', '--input', 'missing.png'], 1, 'missing.png does not exist'],
    [['explain', '--input', 'missing.png', '--dry-run'], 1, 'missing.png does not exist'],
    [['explain', 'no-such-experiment'], 1, 'no-such-experiment'],
    [['explain', '--data', 'digit'], 2, "there is no data set 'digit': did you mean 'digits'?"],
    [['train', '--data', 'minst'], 2, "did you mean 'mnist'?"],
    [['train', '--epochs', '0'], 2, '--epochs must be at least 1, not 0'],
    [['train', '--optimizer', 'adm'], 2, "did you mean 'adam'?"],
    [['train', '--experiment-name', '../outside'], 2, 'experiment name'],
    [['train', '--data-path', 'nowhere'], 1, 'nowhere does not exist'],
    [['train', '--valid-split', '1.5'], 2, '--valid-split must be below 1, not 1.5'],
    [['train', '--test-split', '0.3'], 2, '--test-split has no effect: digits has its own test images'],
    [['explain', '--valid-split', '0.3'], 2, '--valid-split has no effect: digits has its own validation images'],
    [['train', '--cache', 'non'], 2, "--cache must be one of auto, memory, none, not 'non': did you mean 'none'?"],
    [['explain', '--quantile', '2'], 2, '--quantile must be at most 1, not 2'],
    [
      ['train', '--freeze', 'conv9'],
      2,
      "the pattern 'conv9' of freeze matches no tensor other than those that earlier patterns match"
    ],
    [['train', '--nesterov'], 2, '--nesterov works only with the optimizer sgd, not adam'],
    [['train', '--model', 'lenet', '--hidden-size', '12'], 2, '--hidden-size works only with the model mlp, not lenet'],
    [
      ['train', '--model', 'resnet20', '--activation', 'tanh'],
      2,
      '--activation works only with the model mlp or lenet'
    ],
    [['train', '--image-size', '8', '9', '10'], 2, '--image-size must be a number or a list of at most 2'],
    [['evaluate', '--regions', '3'], 2, '--regions has no effect when comparing methods, only with --attribution'],
    [
      ['evaluate', '--attribution', 'a.npy', '--gamma', '1'],
      2,
      '--gamma has no effect with --attribution, only when comparing methods'
    ],
    [['test', '--split', 'all'], 2, "--split must be one of train, valid, test, not 'all'"],
    [['report', '--format', 'pdf'], 2, '--format'],
    [['train', '--no-such-flag'], 2, '--no-such-flag']
  ])('%j ends with %i and one sentence', async (args, status, message) => {
    const own = args[0] === 'explian' ? [] : experiments
    const result = await lrp(...args, ...own)
    expect(result.stderr).toContain(message)
    expect(result.stderr).not.toMatch(/\n {4}at /)
    expect(result.status).toBe(status)
  })

  test('damaged files and unwritable folders are named', async () => {
    const truncated = join(root, 'cut.npy')
    writeFileSync(truncated, readFileSync(join(root, 'x.npy')).subarray(0, 200))
    const cut = await lrp('explain', ...experiments, '--input', truncated)
    expect([cut.status, sentence(cut.stderr)]).toEqual([1, expect.stringContaining('cut.npy')])
    const broken = join(root, 'broken.png')
    writeFileSync(broken, 'no picture')
    const image = await lrp('explain', ...experiments, '--input', broken)
    expect([image.status, sentence(image.stderr)]).toEqual([1, expect.stringContaining('broken.png')])
    const file = join(root, 'file')
    writeFileSync(file, '')
    const output = await lrp('explain', ...experiments, '--output', join(file, 'below'))
    expect([output.status, sentence(output.stderr)]).toEqual([1, expect.stringContaining(file)])
    const nan = join(root, 'nan.npy')
    await writeNpy(nan, { data: new Float32Array(64).fill(NaN), shape: [1, 1, 8, 8] })
    expect(sentence((await lrp('explain', ...experiments, '--input', nan)).stderr)).toContain('not finite')
    const folder = join(root, 'model')
    mkdirSync(folder)
    writeFileSync(join(folder, 'model.json'), '{')
    writeFileSync(join(folder, 'weights.safetensors'), '')
    expect(sentence((await lrp('test', folder)).stderr)).toContain('model.json')
  })

  test('a file of weights alone asks for --architecture', async () => {
    const path = join(root, 'w.safetensors')
    writeFileSync(path, '')
    const { status, stderr } = await lrp('train', '--from', path, ...experiments)
    const message = `--architecture must name the network of ${path}, which contains weights but no graph`
    expect([status, sentence(stderr)]).toEqual([2, `lrp-native: ${message}`])
  })

  test('one image is one image', async () => {
    const { stdout } = await lrp('explain', ...experiments, '--limit', '1', '--output', join(root, 'one'))
    expect(stdout).toContain('explained 1 image by auto')
  })

  test('evaluate scores a map that came as a file', async () => {
    const [x, a] = [join(root, 'images.npy'), join(root, 'map.npy')]
    const ramp = Float32Array.from({ length: 2 * 64 }, (_, i) => (i % 64) / 64)
    await writeNpy(x, { data: ramp, shape: [2, 1, 8, 8] })
    await writeNpy(a, { data: ramp, shape: [2, 1, 8, 8] })
    const args = ['--input', x, '--attribution', a, '--metrics', 'sparseness', '--json', '--quiet']
    const { status, stdout, stderr } = await lrp('evaluate', ...experiments, ...args)
    expect([status, stderr]).toEqual([0, ''])
    expect((JSON.parse(stdout) as { sparseness: number[] }).sparseness).toHaveLength(2)
  })

  test('--json holds the error as the one document', async () => {
    const { stdout, status } = await lrp('explain', '--rule', 'nothing', ...experiments, '--json')
    expect([status, JSON.parse(stdout)]).toEqual([
      2,
      { error: { code: 'INVALID_ARGUMENT', message: expect.stringContaining('nothing') } }
    ])
  })

  test("--json holds the parser's own errors too, and help is no error", async () => {
    const { stdout, stderr, status } = await lrp('explain', '--ruel', 'epsilon', '--json')
    const message = "there is no flag '--ruel': did you mean '--rule'?"
    expect([status, JSON.parse(stdout)]).toEqual([2, { error: { code: 'INVALID_ARGUMENT', message } }])
    expect(stderr.match(/--ruel/g)).toHaveLength(1)
    const help = await lrp('explain', '--help', '--json')
    expect([help.status, help.stdout.includes('"error"')]).toEqual([0, false])
  })

  test('the installed command runs by itself', () => {
    const text = execFileSync(process.execPath, [join(packageRoot, 'dist', 'cli', 'main.js'), '--version'], {
      encoding: 'utf8'
    })
    expect(text).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
