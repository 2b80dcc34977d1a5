import { arch, platform } from 'node:os'
import { SetupError } from './run.mjs'

/** Systems that libtorch is published for, and so is the prebuilt addon. */
export const SYSTEMS = ['linux-x64', 'linux-arm64', 'darwin-arm64']

/** This machine, as in the names of the platform packages. */
export const system = `${platform()}-${arch()}`

/** Refuses, before anything is downloaded, a machine on which libtorch cannot run. @throws SetupError */
export function checkSystem({ name = system, musl = usesMusl() } = {}) {
  if (musl) {
    throw new SetupError(
      'this system uses the C library musl (Alpine Linux), and libtorch needs glibc: use Debian, Ubuntu or Fedora, for example the image node:22-slim'
    )
  }
  if (/-(ia32|arm|mips\w*|ppc|s390)$/.test(name)) {
    throw new SetupError(`this Node is a 32-bit build (${name}), and libtorch needs 64 bits: install a 64-bit Node`)
  }
  if (name === 'darwin-x64') {
    throw new SetupError(
      'there is no libtorch for Macs with Intel processors since version 2.3: use an Apple silicon Mac'
    )
  }
  if (name.startsWith('win32')) {
    throw new SetupError('Windows is not supported yet: use the Windows Subsystem for Linux (WSL 2)')
  }
  if (!SYSTEMS.includes(name)) {
    throw new SetupError(`there is no libtorch for ${name}: use one of ${SYSTEMS.join(', ')}`)
  }
}

/** Node reports the version of glibc where it runs on glibc. */
function usesMusl() {
  return platform() === 'linux' && !process.report.getReport().header.glibcVersionRuntime
}
