import { existsSync } from 'node:fs'
import { platform } from 'node:os'
import { findLibtorch } from './libtorch.mjs'
import { isFresh } from './native.mjs'
import { addonPath } from './paths.mjs'
import { SetupError, output } from './run.mjs'
import { atLeast, findCompiler, findPython, findTool, remedy } from './tools.mjs'

/**
 * What this machine has and lacks. One entry per thing: { name, ok, needed, found, remedy }; `remedy` is the one command
 * that mends it.
 */
export function examine() {
  return [node(), python(), compiler(), cmake(), ninja(), ...libtorchAndAddon()]
}

function entry(name, ok, found, mend, needed = true) {
  return { name, ok, needed, found, ...(ok ? {} : { remedy: mend }) }
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

function compiler() {
  const found = findCompiler()
  return entry(
    'C++ compiler',
    Boolean(found),
    found ? `${found.command} ${found.version}` : 'missing',
    remedy('compiler')
  )
}

function cmake() {
  const found = findTool('cmake')
  const ok = Boolean(found && atLeast(found.version, '3.24'))
  return entry('CMake', ok, found ? found.version : 'missing', remedy('cmake'))
}

function ninja() {
  const found = findTool('ninja')
  return entry('Ninja', Boolean(found), found ? found.version : 'missing (make is used)', remedy('ninja'), false)
}

function libtorchAndAddon() {
  const fix = 'npx lrp-native doctor --fix'
  let libtorch
  let problem
  try {
    libtorch = findLibtorch()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    problem = error.message
  }
  const where = libtorch ? `${libtorch.version} from ${libtorch.source} (${libtorch.folder})` : (problem ?? 'missing')
  const built = libtorch && existsSync(addonPath)
  const fresh = built && isFresh(libtorch)
  const loaded = built ? cuda() : undefined
  const addon = !built
    ? 'not built'
    : !loaded
      ? 'does not load'
      : fresh
        ? 'built and loads'
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
    ? 'nvidia-smi  (shows whether the driver sees a GPU; CPU works without)'
    : 'CPU only on this system'
}

/** Asked of a process of its own, so that a broken library cannot take this one along. */
function cuda() {
  const script = `process.stdout.write(JSON.stringify(require(${JSON.stringify(addonPath)}).enableCuda()))`
  const text = output(process.execPath, ['-e', script])
  return text ? JSON.parse(text) : undefined
}
