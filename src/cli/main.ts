#!/usr/bin/env node
import { CliContext } from './context.js'
import { run } from './program.js'
import { leaveQuickly } from '../native/addon.js'

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

process.exitCode = await run(process.argv.slice(2), new CliContext(process.stdout, process.stderr, controller.signal))
leaveQuickly()
