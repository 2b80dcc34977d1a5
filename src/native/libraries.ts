import { availableParallelism } from 'node:os'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { addonPath } from '../core/paths.js'

/** What libtorch logs is for those who program it. */
const LOGGING = { TORCH_CPP_LOG_LEVEL: 'FATAL' }
/**
 * OpenMP's threads wait for the next operation without sleeping, but for some ten microseconds only: sleeping at once makes
 * training of small networks twice as slow, waiting for milliseconds up to twenty times where another process wants their
 * core (docs/performance.md).
 */
const WAITING = { OMP_WAIT_POLICY: 'active', GOMP_SPINCOUNT: '2000' }

/** Variables of the environment that are ours for now. */
let ours: string[] = []
let preloading: Worker | undefined
const meanwhile: (() => void)[] = []

/** Sets what the libraries read from the environment when they are loaded. */
export function setLibraryVariables(): void {
  const settings = process.env.OMP_WAIT_POLICY === undefined ? { ...LOGGING, ...WAITING } : LOGGING
  for (const [name, value] of Object.entries(settings)) {
    if (process.env[name] !== undefined) continue
    process.env[name] = value
    ours.push(name)
  }
}

/** The variables are of no concern to processes that this one starts. */
export function resetLibraryVariables(): void {
  for (const name of ours) delete process.env[name]
  ours = []
}

/**
 * Loads the addon in a thread, if there is a core for it: libtorch takes 0.2 s, in which this thread loads JavaScript. What
 * goes wrong is said when the addon is used. The thread keeps the libraries loaded until `endPreload`.
 */
export function preloadAddon(): void {
  const path = addonPath()
  if (preloading || availableParallelism() < 2 || !existsSync(path)) return
  setLibraryVariables()
  const code = `const { parentPort, workerData } = require('node:worker_threads')
    process.dlopen({ exports: {} }, workerData)
    parentPort.on('message', () => {})`
  preloading = new Worker(code, { eval: true, workerData: path })
  preloading.on('error', () => {}).unref()
}

/** Whether the thread holds libraries that this one does not have yet. */
export function isPreloading(): boolean {
  return preloading !== undefined
}

/** What this thread loads instead of waiting for the other one, when it needs the addon. */
export function whilePreloading(load: () => void): void {
  if (preloading) meanwhile.push(load)
}

/** Called before this thread waits for the other one. What cannot be loaded is said when it is used. */
export function loadMeanwhile(): void {
  for (const load of meanwhile.splice(0)) {
    try {
      load()
    } catch {
      continue
    }
  }
}

/** The addon is loaded here: the thread is not needed any more. */
export function endPreload(): void {
  void preloading?.terminate()
  preloading = undefined
}
