#!/usr/bin/env node
import { needsAddon } from './commands/index.js'
import { preloadAddon } from '../native/libraries.js'

// before anything else is loaded, so that both load at the same time
const argv = process.argv.slice(2)
if (needsAddon(argv)) preloadAddon()

const controller = new AbortController()
let interrupted = 0

function interrupt(signal: NodeJS.Signals): void {
  if (++interrupted > 1) {
    // process.exit would wait for the native call at hand
    process.off(signal, interrupt)
    process.kill(process.pid, signal)
    return
  }
  process.stderr.write('\nstopping after this batch (press Ctrl-C again to stop immediately) ...\n')
  controller.abort()
}
process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0) // the reader of our output has closed it
  throw error
})

const [{ CliContext }, { run }, { leaveQuickly }] = await Promise.all([
  import('./context.js'),
  import('./program.js'),
  import('../native/addon.js')
])
leaveQuickly()
process.exitCode = await run(argv, new CliContext(process.stdout, process.stderr, controller.signal))
