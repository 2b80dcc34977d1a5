import { platform } from 'node:os'
import { output } from './run.mjs'

const PACKAGES = {
  linux: (name) => `sudo apt-get install -y ${name}`,
  darwin: (name) => `brew install ${name}`,
  win32: (name) => `winget install ${name}`
}

const NAMES = {
  python: { linux: 'python3 python3-pip', darwin: 'python', win32: 'Python.Python.3.12' },
  compiler: { linux: 'g++', darwin: 'gcc', win32: 'Microsoft.VisualStudio.2022.BuildTools' },
  cmake: { linux: 'cmake', darwin: 'cmake', win32: 'Kitware.CMake' },
  ninja: { linux: 'ninja-build', darwin: 'ninja', win32: 'Ninja-build.Ninja' },
  node: { darwin: 'node', win32: 'OpenJS.NodeJS.LTS' }
}

/** The one command that installs a tool on this system. Debian's own nodejs is too old: npm's package n fetches Node 20. */
export function remedy(tool) {
  const system = platform() in PACKAGES ? platform() : 'linux'
  if (tool === 'node' && system === 'linux') return 'sudo npm install -g n && sudo n 20'
  return PACKAGES[system](NAMES[tool][system])
}

/** First of the version numbers in a text. */
export function versionIn(text) {
  return /\d+(\.\d+)+/.exec(text ?? '')?.[0]
}

export function atLeast(version, wanted) {
  const a = version.split('.').map(Number)
  const b = wanted.split('.').map(Number)
  for (let i = 0; i < b.length; i++) {
    if ((a[i] ?? 0) !== b[i]) return (a[i] ?? 0) > b[i]
  }
  return true
}

/** The Python command of this machine that can run pip, or undefined. */
export function findPython() {
  for (const command of ['python3', 'python']) {
    const version = versionIn(output(command, ['--version']))
    if (version && atLeast(version, '3.8')) {
      return { command, version, pip: versionIn(output(command, ['-m', 'pip', '--version'])) }
    }
  }
  return undefined
}

/** The C++ compiler CMake will use: $CXX or the first of the usual names. */
export function findCompiler() {
  for (const command of [process.env.CXX, 'g++', 'clang++', 'c++'].filter(Boolean)) {
    const text = output(command, ['--version'])
    if (text) return { command, version: versionIn(text.split('\n')[0]) ?? '?' }
  }
  return undefined
}

export function findTool(command) {
  const version = versionIn(output(command, ['--version']))
  return version ? { command, version } : undefined
}
