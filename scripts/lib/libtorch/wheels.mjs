import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { checkSha256 } from '../download.mjs'
import { cacheRoot } from '../paths.mjs'
import { progressBar } from '../progress-bar.mjs'
import { SetupError, runLogged } from '../run.mjs'
import { system } from '../system.mjs'
import { VERSION, cacheFolder, emptyFolder, finish, makeFolder, unpack } from './folder.mjs'

const TORCH = `torch==${VERSION}`
const CUPTI = 'nvidia-cuda-cupti==13.0.85'
const CUDART = 'nvidia-cuda-runtime==13.0.96'
const glibc = (arch) =>
  ['manylinux_2_28', 'manylinux_2_25', 'manylinux2014', 'manylinux_2_17'].map((tag) => `${tag}_${arch}`)

/**
 * The wheels of each system by name and SHA-256. The Linux wheels are CUDA builds that run without CUDA when the two
 * small NVIDIA packages are next to them, where their RPATH looks.
 */
const WHEELS = {
  'linux-x64': {
    platforms: glibc('x86_64'),
    files: {
      [TORCH]: '7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a',
      [CUPTI]: '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8',
      [CUDART]: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548'
    }
  },
  'linux-arm64': {
    platforms: glibc('aarch64'),
    files: {
      [TORCH]: 'd91aac77f24082809d2c5a93f52a5f085032740a1ebc9252a7b052ef5a4fddc6',
      [CUPTI]: '796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151',
      [CUDART]: 'ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55'
    }
  },
  'darwin-arm64': {
    platforms: ['macosx_11_0_arm64'],
    files: { [TORCH]: '7b6a60d48062809f58595509c524b88e6ddec3ebe25833d6462eeab81e5f2ce4' }
  }
}

/** libtorch out of PyTorch's own wheels. What has arrived is kept when a download breaks. */
export async function fetchWheels(python, log) {
  const folder = cacheFolder()
  const work = emptyFolder(`${folder}.partial`)
  const { platforms, files } = WHEELS[system]
  log(`libtorch ${VERSION} is downloaded once, into ${cacheRoot}`)
  const fetched = []
  for (const [wanted, sha256] of Object.entries(files)) {
    const wheel = await fetchWheel(python, { wanted, sha256, platforms }, log)
    const needed = /^(torch\/(lib|include|share\/cmake)\/|nvidia\/.*\.so)/
    log(`unpacking ${wanted} ...`)
    await unpack(wheel, work, (name) => (needed.test(name) ? name : undefined))
    fetched.push(wheel)
  }
  const found = finish(work, folder, 'a download by pip')
  for (const wheel of fetched) rmSync(dirname(wheel), { recursive: true, force: true })
  return found
}

async function fetchWheel(python, wheel, log) {
  const folder = join(cacheRoot, `wheel-${wheel.wanted}-${system}`)
  makeFolder(folder)
  const path = join(folder, 'whole.whl')
  if (!existsSync(path) && !(await fetchThroughPip(python, wheel, path)))
    return fetchWithPip(python, wheel, folder, log)
  await checkSha256(path, wheel.sha256, wheel.wanted)
  return path
}

/** With pip's settings, and resumable; false where this pip or its package index does not allow that. */
function fetchThroughPip(python, { wanted, sha256 }, path) {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'fetch_wheel.py')
  const child = spawn(python.command, [script, wanted.split('==')[0], sha256, path], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  let bar
  createInterface(child.stdout).on('line', (line) => {
    const [have, total] = line.split(' ').map(Number)
    bar ??= progressBar(wanted, total)
    bar.advance(have)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      bar?.end()
      if (bar && status !== 0)
        reject(new SetupError(`the download of ${wanted} was interrupted: run again to continue`))
      else resolve(status === 0)
    })
  })
}

async function fetchWithPip(python, { wanted, sha256, platforms }, folder, log) {
  log(`downloading ${wanted} with pip ...`)
  const tags = [
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
  for (const platform of platforms) tags.push('--platform', platform)
  const options = ['--no-deps', '--progress-bar', 'off', '--no-cache-dir', '--only-binary=:all:', '-d', folder]
  const pipLog = join(cacheRoot, 'pip.log')
  const args = ['-m', 'pip', 'download', wanted, ...options, ...tags]
  const { status } = await runLogged(python.command, args, { log: pipLog })
  const wheel = status === 0 && readdirSync(folder).find((name) => name.endsWith('.whl'))
  if (!wheel) {
    throw new SetupError(`pip could not download ${wanted} (${lastLine(pipLog)}): run again; the log is ${pipLog}`)
  }
  const path = join(folder, wheel)
  await checkSha256(path, sha256, wheel)
  return path
}

function lastLine(path) {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').at(-1)
  } catch {
    return 'no log'
  }
}
