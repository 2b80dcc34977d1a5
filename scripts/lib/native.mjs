import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { addonPath, buildFolder, logPath, nativeBuildFolder, root } from './paths.mjs'
import { loads } from './prebuilt.mjs'
import { SetupError, runLogged } from './run.mjs'
import { stampOf } from './stamp.mjs'
import { atLeast, findCompiler, findTool, remedy } from './tools.mjs'

const require = createRequire(join(root, 'package.json'))

/** Compiles the addon. A build that breaks leaves no stamp behind. @throws SetupError */
export async function buildNative(libtorch, { log, stampPath }) {
  const missing = missingTool()
  if (missing) throw new SetupError(missing)
  log('compiling the native addon (a minute or two, once) ...')
  rmSync(stampPath, { force: true })
  await compile(libtorch)
}

/** What a stamp says of an addon built from these sources. */
export function sourceStamp(libtorch) {
  const version = JSON.parse(readFileSync(join(addonApi(), 'package.json'), 'utf8')).version
  return stampOf([join(root, 'native'), join(root, 'CMakeLists.txt')], [libtorch.folder, libtorch.version, version])
}

function addonApi() {
  return dirname(require.resolve('node-addon-api/package.json'))
}

/** Why nothing can be compiled on this machine; undefined where it can. */
export function missingTool() {
  if (!findCompiler()) return `there is no C++ compiler: ${remedy('compiler')}`
  const cmake = findTool('cmake')
  if (!cmake) return `CMake is missing: ${remedy('cmake')}`
  if (!atLeast(cmake.version, '3.24')) return `CMake is ${cmake.version}, 3.24 is needed: ${remedy('cmake')}`
  return undefined
}

async function compile(libtorch) {
  mkdirSync(buildFolder, { recursive: true })
  rmSync(logPath, { force: true })
  if (isOfAnotherFolder()) rmSync(nativeBuildFolder, { recursive: true, force: true })
  const run = (command) => cmake(command, libtorch, nativeBuildFolder, logPath)
  let { status } = await run('build')
  if (status !== 0 && stoppedHalfway()) {
    rmSync(join(nativeBuildFolder, 'CMakeCache.txt'), { force: true })
    status = (await run('rebuild')).status
  }
  if (status !== 0 || !existsSync(addonPath))
    throw new SetupError(`the addon cannot be compiled (${firstError()}): see the log ${logPath}`)
  if (!loads()) {
    throw new SetupError(
      `the addon was compiled but does not load: check that ${libtorch.folder} is complete, and see the log ${logPath}`
    )
  }
}

function cmake(command, libtorch, folder, log, ...more) {
  const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js')
  const settings = [
    `--CDLRP_NATIVE_LIBTORCH=${libtorch.folder}`,
    `--CDLRP_NATIVE_NODE_ADDON_API=${addonApi()}`,
    `--CDLRP_NATIVE_UNITY=${process.env.LRP_NATIVE_UNITY ?? 'ON'}`,
    ...more
  ]
  return runLogged(process.execPath, [cmakeJs, command, '-d', root, '-O', folder, ...settings], {
    log,
    echo: Boolean(process.env.LRP_NATIVE_VERBOSE),
    cwd: root
  })
}

/** Compiles the addon with AddressSanitizer and UBSan into a folder of its own. @throws SetupError */
export async function buildSanitized(libtorch) {
  mkdirSync(buildFolder, { recursive: true })
  const log = join(buildFolder, 'sanitized.log')
  rmSync(log, { force: true })
  const { status } = await cmake('build', libtorch, join(buildFolder, 'sanitized'), log, '--CDLRP_NATIVE_SANITIZE=ON')
  if (status !== 0) throw new SetupError(`the addon cannot be compiled with sanitizers: see the log ${log}`)
}

/** A checkout that was copied or moved: ninja would take the old folder's files for up to date. */
function isOfAnotherFolder() {
  const cache = join(nativeBuildFolder, 'CMakeCache.txt')
  const home = existsSync(cache) && /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  return Boolean(home) && home !== root
}

/** CMake's own files are damaged: an interrupted build. */
function stoppedHalfway() {
  return /CMakeCache.txt|ninja: error|failed recompaction|generator/i.test(readFileSync(logPath, 'utf8'))
}

function firstError() {
  const text = existsSync(logPath) ? readFileSync(logPath, 'utf8') : ''
  if (/No space left/.test(text)) return 'the disk is full'
  return (
    text
      .split('\n')
      .find((line) => /error/i.test(line))
      ?.trim()
      .slice(0, 200) ?? 'no error was printed'
  )
}
