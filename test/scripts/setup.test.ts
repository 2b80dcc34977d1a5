import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { zipSync } from 'fflate'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

/** Runs a piece of the set-up scripts in a process of its own. */
function script(body: string, env: Record<string, string> = {}): Promise<Ended> {
  const imports = ['download', 'libtorch', 'lock', 'unzip', 'run', 'system', 'prebuilt', 'addon'].map(
    (name) => `import * as ${name} from '${join(packageRoot, 'scripts', 'lib', `${name}.mjs`)}'`
  )
  const source = `${imports.join('\n')}\nawait run.main(async () => { ${body} })`
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], { env: { ...process.env, ...env } })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    child.on('close', (status) => resolve({ status, stdout, stderr }))
  })
}

describe('the set-up scripts', () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251))
  const text = (value: string): Uint8Array => new TextEncoder().encode(value)
  const version = '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 11\n#define TORCH_VERSION_PATCH 0\n'
  const archive = zipSync({
    'libtorch/include/ATen/ATen.h': text('//'),
    'libtorch/include/torch/headeronly/version.h': text(version),
    'libtorch/lib/libtorch_cpu.so': text('library'),
    'libtorch/bin/skipped': text('no')
  })
  let server: Server
  let address = ''
  let breakAfter = Infinity
  const asked: (string | undefined)[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/missing') return void response.writeHead(404).end()
      const all = request.url === '/archive.zip' ? Buffer.from(archive) : bytes
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      asked.push(request.headers.range)
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': all.length - from })
      if (all.length - from <= breakAfter) return void response.end(all.subarray(from))
      response.write(all.subarray(from, from + breakAfter), () => response.socket?.end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => void server.close())
  const temporary = (): string => mkdtempSync(join(tmpdir(), 'lrp-setup-'))

  test('a broken download is never mistaken for a whole one, and goes on where it stopped', async () => {
    const path = join(temporary(), 'file')
    breakAfter = 40_000
    const broken = await script(`await download.download('${address}/file', '${path}')`)
    expect([broken.status, broken.stderr]).toEqual([1, expect.stringContaining('run again')])
    expect(existsSync(path)).toBe(false)
    breakAfter = Infinity
    asked.length = 0
    writeFileSync(`${path}.part`, bytes.subarray(0, 30_000)) // how much arrives before a break is up to the network
    expect((await script(`await download.download('${address}/file', '${path}')`)).status).toBe(0)
    expect(asked[0]).toBe('bytes=30000-')
    const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
    expect(hash(readFileSync(path))).toBe(hash(bytes))
  })

  test('a download with another SHA-256 is refused and deleted', async () => {
    const path = join(temporary(), 'file')
    const wanted = 'a'.repeat(64)
    const { status, stderr } = await script(
      `await download.download('${address}/file', '${path}', { sha256: '${wanted}' })`
    )
    expect([status, stderr]).toEqual([1, expect.stringContaining(`instead of ${wanted}`)])
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false])
  })

  test('progress is shown', async () => {
    const { stderr } = await script(`await download.download('${address}/file', '${join(temporary(), 'file')}')`)
    expect(stderr).toMatch(/libtorch \[#{30}\] 100 %/)
  })

  test('musl, 32 bits and systems without libtorch are refused in a sentence each', async () => {
    const refused = async (options: string): Promise<string> => (await script(`system.checkSystem(${options})`)).stderr
    expect(await refused("{ name: 'linux-x64', musl: true }")).toMatch(/^lrp-native: .*musl.*glibc.*\n$/)
    expect(await refused("{ name: 'linux-ia32', musl: false }")).toMatch(/32-bit/)
    expect(await refused("{ name: 'linux-arm', musl: false }")).toMatch(/32-bit/)
    expect(await refused("{ name: 'darwin-x64', musl: false }")).toMatch(/Intel/)
    expect(await refused("{ name: 'win32-x64', musl: false }")).toMatch(/Windows/)
    expect(await refused("{ name: 'freebsd-x64', musl: false }")).toMatch(/linux-x64/)
    expect(await refused("{ name: 'linux-arm64', musl: false }")).toBe('')
  })

  test('the CUDA half of libtorch stays packed where there is no driver', async () => {
    const { stdout } = await script(`
      const { leaveOut } = await import('${join(packageRoot, 'scripts', 'lib', 'libtorch', 'folder.mjs')}')
      const names = ['libtorch_cuda.so', 'libtorch_cuda_linalg.so', 'libc10_cuda.so', 'libtorch_cpu.so', 'libc10.so']
      const left = (driver) => names.filter((name) => leaveOut('torch/lib/' + name, driver))
      console.log(JSON.stringify([left(false), left(true)]))`)
    expect(JSON.parse(stdout)).toEqual([['libtorch_cuda.so', 'libtorch_cuda_linalg.so', 'libc10_cuda.so'], []])
  })

  test('a prebuilt addon fits patches of its libtorch alone', async () => {
    const { stdout } = await script(`
      const fits = (version) => prebuilt.fits({ libtorch: '2.11.0' }, { version })
      console.log(JSON.stringify(['2.11.0', '2.11.1', '2.10.0', '2.12.0'].map(fits)))`)
    expect(JSON.parse(stdout)).toEqual([true, true, false, false])
  })

  test('an address that answers nothing useful is named', async () => {
    const { status, stderr } = await script(
      `await download.download('${address}/missing', '${join(temporary(), 'x')}')`
    )
    expect([status, stderr]).toEqual([1, expect.stringContaining('answered with the status 404')])
    const refused = await script(`await download.download('http://127.0.0.1:9/x', '${join(temporary(), 'x')}')`)
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('cannot be reached')])
  })

  test('the official archive is fetched, unpacked and found again', async () => {
    const cache = temporary()
    const env = {
      XDG_CACHE_HOME: cache,
      LRP_NATIVE_LIBTORCH_URL: `${address}/archive.zip`,
      LRP_NATIVE_LIBTORCH_SHA256: createHash('sha256').update(archive).digest('hex'),
      LRP_NATIVE_LIBTORCH: '',
      LIBTORCH: '',
      LRP_NATIVE_NO_PYTHON_TORCH: '1'
    }
    const resolve = 'await libtorch.resolveLibtorch()'
    const unknown = await script(resolve, { ...env, LRP_NATIVE_LIBTORCH_SHA256: '' })
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringMatching(/SHA-256 of http.* is not known/)])
    const wrong = await script(resolve, { ...env, LRP_NATIVE_LIBTORCH_SHA256: '0'.repeat(64) })
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('so it was deleted')])
    expect(readdirSync(join(cache, 'lrp-native')).filter((name) => /zip$|^libtorch/.test(name))).toEqual([])
    const first = await script('console.log(JSON.stringify(await libtorch.resolveLibtorch()))', env)
    expect([first.status, JSON.parse(first.stdout)]).toEqual([0, expect.objectContaining({ version: '2.11.0' })])
    asked.length = 0
    const second = await script('console.log(JSON.stringify(await libtorch.resolveLibtorch()))', env)
    expect(JSON.parse(second.stdout)).toMatchObject({ source: 'the cache' })
    expect(asked).toEqual([])
  })

  test('an archive is downloaded without a SHA-256 only where the user says none', async () => {
    const env = {
      XDG_CACHE_HOME: temporary(),
      LRP_NATIVE_LIBTORCH_URL: `${address}/archive.zip`,
      LRP_NATIVE_LIBTORCH_SHA256: ''
    }
    asked.length = 0
    const unknown = await script("await libtorch.fetchChosen({ variant: 'cpu', log() {} })", env)
    expect([unknown.status, unknown.stderr, asked]).toEqual([1, expect.stringContaining('--sha256'), []])
    const unchecked = await script("await libtorch.fetchChosen({ variant: 'cpu', sha256: 'none', log() {} })", env)
    expect(unchecked.status).toBe(0)
  })

  test('an environment variable that names no libtorch is an error, not passed by', async () => {
    const folder = temporary()
    const { status, stderr } = await script('await libtorch.resolveLibtorch()', { LRP_NATIVE_LIBTORCH: folder })
    expect([status, stderr]).toEqual([1, expect.stringContaining('LRP_NATIVE_LIBTORCH')])
  })

  test('a libtorch that is too old is refused with its version', async () => {
    const folder = temporary()
    for (const name of ['include/ATen', 'include/torch/headeronly', 'lib'])
      mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'include/ATen/ATen.h'), '')
    writeFileSync(join(folder, 'lib/libtorch_cpu.so'), '')
    writeFileSync(join(folder, 'include/torch/headeronly/version.h'), version.replace('MINOR 11', 'MINOR 4'))
    const { stderr } = await script('await libtorch.resolveLibtorch()', { LRP_NATIVE_LIBTORCH: folder })
    expect(stderr).toContain('the version 2.4.0, but 2.8 or later is needed')
  })

  test('unzip refuses truncated files and paths that lead outside', async () => {
    const folder = temporary()
    writeFileSync(join(folder, 'cut.zip'), archive.subarray(0, archive.length - 60))
    const cut = await script(`await unzip.unzip('${join(folder, 'cut.zip')}', '${folder}', (name) => name)`)
    expect([cut.status, cut.stderr]).toEqual([1, expect.stringContaining('truncated')])
    writeFileSync(join(folder, 'out.zip'), zipSync({ '../outside': text('x') }))
    const outside = await script(`await unzip.unzip('${join(folder, 'out.zip')}', '${folder}', (name) => name)`)
    expect([outside.status, outside.stderr]).toEqual([1, expect.stringContaining('unsafe path')])
  })

  test('two at once wait for each other, and a dead owner does not block', async () => {
    const folder = temporary()
    const body = `await lock.withLock('${folder}/lock', async () => {
      const fs = await import('node:fs'); const path = '${folder}/count'
      const before = fs.existsSync(path) ? Number(fs.readFileSync(path, 'utf8')) : 0
      for (let i = 0; i < 2e7; i++);
      fs.writeFileSync(path, String(before + 1))
    })`
    mkdirSync(join(folder, 'lock'))
    writeFileSync(join(folder, 'lock', 'pid'), String(spawnSync('true').pid))
    const ended = await Promise.all([script(body), script(body), script(body)])
    expect(ended.map(({ status }) => status)).toEqual([0, 0, 0])
    expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('3')
  })

  test('doctor names what is there, as text and as JSON', () => {
    const doctor = (...args: string[]): string =>
      spawnSync(process.execPath, [join(packageRoot, 'scripts', 'doctor.mjs'), ...args], { encoding: 'utf8' }).stdout
    expect(doctor()).toMatch(/ok\s+Node\s+\d+/)
    const { checks } = JSON.parse(doctor('--json')) as { checks: { name: string; ok: boolean; remedy?: string }[] }
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Node', 'C++ compiler', 'CMake', 'libtorch', 'addon', 'CUDA'])
    )
    for (const check of checks) expect(check.ok || Boolean(check.remedy)).toBe(true)
  })
})
