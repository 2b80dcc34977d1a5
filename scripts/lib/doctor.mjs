import { existsSync } from 'node:fs'
import { platform } from 'node:os'
import { isReady } from './addon.mjs'
import { findLibtorch } from './libtorch.mjs'
import { addonPath } from './paths.mjs'
import { findPrebuilt, fits } from './prebuilt.mjs'
import { SetupError, output } from './run.mjs'
import { atLeast, findCompiler, findPython, findTool, remedy } from './tools.mjs'

/**
 * What this machine has and lacks. One entry per thing: { name, ok, needed, found, remedy }; `remedy` is the one command
 * that fixes it. Compiler and CMake are needed only where the prebuilt addon does not fit.
 */
export function examine() {
  const libtorch = libtorchHere()
  const compile = !prebuiltFits(libtorch.found)
  return [node(), python(), compiler(compile), cmake(compile), ninja(compile), ...libtorchAndAddon(libtorch)]
}

function prebuiltFits(libtorch) {
  const prebuilt = findPrebuilt()
  return Boolean(prebuilt && (!libtorch || fits(prebuilt, libtorch)))
}

function libtorchHere() {
  try {
    return { found: findLibtorch() }
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    return { problem: error.message }
  }
}

function entry(name, ok, found, remedy, needed = true) {
  return { name, ok, needed, found, ...(ok ? {} : { remedy }) }
}

function node() {
  const version = process.versions.node
  return entry('Node', atLeast(version, '20.17'), version, remedy('node'))
}

function python() {
  const found = findPython()
  const text = found ? `${found.version} (${found.command})${found.pip ? `, pip ${found.pip}` : ', no pip'}` : 'missing'
  return entry('Python with pip', Boolean(found?.pip), text, remedy('python'), false)
}

function compiler(needed) {
  const found = findCompiler()
  return tool('C++ compiler', found && `${found.command} ${found.version}`, Boolean(found), 'compiler', needed)
}

function cmake(needed) {
  const found = findTool('cmake')
  return tool('CMake', found?.version, Boolean(found && atLeast(found.version, '3.24')), 'cmake', needed)
}

function ninja(compile) {
  const found = findTool('ninja')
  if (!compile) return tool('Ninja', found?.version, Boolean(found), 'ninja', false)
  return entry('Ninja', Boolean(found), found ? found.version : 'missing (make is used)', remedy('ninja'), false)
}

/** A tool of the build; nothing has to be fixed where the prebuilt addon is used. */
function tool(name, found, ok, fix, needed) {
  const text = found ?? (needed ? 'missing' : 'missing; not needed, the prebuilt addon is used')
  return entry(name, ok || !needed, text, remedy(fix), needed)
}

function libtorchAndAddon({ found: libtorch, problem }) {
  const fix = 'npx lrp-native doctor --fix'
  const where = libtorch ? `${libtorch.version} from ${libtorch.source} (${libtorch.folder})` : (problem ?? 'missing')
  const built = libtorch && existsSync(addonPath)
  const fresh = built && isReady(libtorch)
  const loaded = built ? cuda() : undefined
  const addon = !built
    ? 'not built'
    : !loaded
      ? 'does not load'
      : fresh
        ? 'ready and loads'
        : 'built from older sources'
  return [
    entry('libtorch', Boolean(libtorch), where, fix),
    entry('addon', Boolean(fresh && loaded), addon, fix),
    entry(
      'CUDA',
      Boolean(loaded?.available),
      loaded?.available ? loaded.devices.join(', ') : (loaded?.reason ?? 'the addon is not built'),
      loaded?.remedy ?? cudaRemedy(),
      false
    )
  ]
}

function cudaRemedy() {
  return platform() === 'linux'
    ? 'nvidia-smi  (shows whether the driver finds a GPU; the CPU needs no driver)'
    : 'CPU only on this system'
}

/** Tried in a process of its own, which a broken library cannot take along. */
function cuda() {
  const script = `process.stdout.write(JSON.stringify(require(${JSON.stringify(addonPath)}).enableCuda()))`
  const text = output(process.execPath, ['-e', script])
  return text ? JSON.parse(text) : undefined
}
