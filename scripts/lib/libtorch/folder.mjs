import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { cacheRoot } from '../paths.mjs'
import { SetupError } from '../run.mjs'
import { system } from '../system.mjs'
import { unzip } from '../unzip.mjs'

/** The libtorch that is downloaded, and that prebuilt addons are built against. */
export const VERSION = '2.11.0'
const MARKER = 'complete.json'

/** The folder in the cache for the libtorch that pip brings (`wheel`) or that the user chose (`chosen`). */
export function cacheFolder(variant = 'wheel') {
  return join(cacheRoot, `libtorch-${VERSION}-${variant}-${system}`)
}

/** The libtorch in a folder of the cache; undefined where it is missing or not whole. */
export function inCache(variant) {
  const folder = cacheFolder(variant)
  return existsSync(join(folder, MARKER)) ? inspect(join(folder, 'torch')) : undefined
}

/** Reads the version of the libtorch in a folder; undefined where the folder has no usable libtorch. */
export function inspect(folder) {
  if (!folder || !existsSync(join(folder, 'include', 'ATen', 'ATen.h'))) return undefined
  const library = { darwin: 'libtorch_cpu.dylib', win32: 'torch_cpu.dll' }[platform()] ?? 'libtorch_cpu.so'
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

/** Adds where a libtorch came from. @throws SetupError where its version is too old */
export function usable(found, source) {
  const [major, minor] = found.version.split('.').map(Number)
  if (major !== 2 || minor < 8) {
    throw new SetupError(
      `the libtorch of ${source} (${found.folder}) has the version ${found.version}, but 2.8 or later is needed`
    )
  }
  return { ...found, source }
}

/** A machine without an NVIDIA driver has no use for the CUDA half of libtorch, 0.5 GB on Linux x64. */
export function leaveOut(name, driver = hasDriver()) {
  if (/libtorch_python|\/test\//.test(name)) return true
  return !driver && /\/lib(torch_cuda|c10_cuda|torch_nvshmem|caffe2_nvrtc)[\w.]*\.so/.test(name)
}

function hasDriver() {
  return ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'].some((path) => existsSync(path))
}

/** Unpacks the entries for which `wanted(name)` gives a path below `folder`, less what this machine has no use for. */
export async function unpack(path, folder, wanted) {
  try {
    await unzip(path, folder, (name) => (leaveOut(name) ? undefined : wanted(name)))
  } catch (error) {
    if (error instanceof SetupError) throw error
    const full = error.code === 'ENOSPC' ? ': the disk is full; free 2 GB' : ''
    throw new SetupError(`${path} cannot be unpacked (${error.code ?? error.message})${full}; run again`)
  }
}

/** Moves an unpacked libtorch to its place in one step; only a folder with the marker counts as whole. */
export function finish(work, folder, source) {
  const found = inspect(join(work, 'torch'))
  if (!found) throw new SetupError(`the libtorch from ${source} is not complete: run again`)
  writeFileSync(join(work, MARKER), JSON.stringify({ version: found.version, cuda: found.cuda, source }))
  rmSync(folder, { recursive: true, force: true })
  renameSync(work, folder)
  return usable(inspect(join(folder, 'torch')), source)
}

/** Makes a folder. @throws SetupError where it cannot be written */
export function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new SetupError(`cannot write to ${folder} (${error.code}): make it writable or set XDG_CACHE_HOME`)
  }
}

/** Makes a folder and removes what was in it. */
export function emptyFolder(folder) {
  rmSync(folder, { recursive: true, force: true })
  makeFolder(folder)
  return folder
}
