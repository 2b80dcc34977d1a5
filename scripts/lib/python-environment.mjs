import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findPython } from './tools.mjs'
import { withLock } from './lock.mjs'

/**
 * The Python of a virtual environment with pinned packages, made in the cache on first use: for benches and checks that
 * compare this package with others. Undefined where there is no Python, or pip cannot fetch the packages.
 */
export async function pythonEnvironment(name, packages, { log = console.error } = {}) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lrp-native')
  const folder = join(cache, name)
  const python = join(folder, 'bin', 'python')
  const complete = join(folder, `complete-${packages.join('-').replace(/[^\w.-]/g, '')}`)
  if (existsSync(complete)) return python
  const base = findPython()
  if (!base) return undefined
  mkdirSync(cache, { recursive: true })
  await withLock(join(cache, `.${name}.lock`), async () => {
    if (existsSync(complete)) return
    log(`making the Python environment ${folder} (${packages.join(' ')}) ...`)
    const run = (command, ...args) => spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
    const made =
      run(base.command, '-m', 'venv', folder) &&
      run(python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages)
    if (made) writeFileSync(complete, '')
    else rmSync(folder, { recursive: true, force: true })
  })
  return existsSync(complete) ? python : undefined
}
