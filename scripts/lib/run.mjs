import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'

/** A failure that the user can fix: one sentence, no stack trace. */
export class SetupError extends Error {}

/** Ends a script: one sentence on stderr for what the user can fix, the stack for a mistake of the program. */
export async function main(body) {
  try {
    await body()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`lrp-native: ${error.message}`)
    process.exitCode = 1
  }
}

/** Standard output of a command, trimmed; undefined where the command is missing or fails. */
export function output(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, ...options })
  return result.status === 0 ? result.stdout.trim() : undefined
}

/** Runs a command with its output in a log file (and on the terminal if `echo`); resolves with the exit status. */
export function runLogged(command, args, { log, echo = false, cwd, env } = {}) {
  return new Promise((resolve) => {
    const file = log ? createWriteStream(log, { flags: 'a' }) : undefined
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        file?.write(chunk)
        if (echo) process.stderr.write(chunk)
      })
    }
    let failure
    child.on('error', (error) => (failure = error))
    child.on('close', (status) => {
      const done = () => resolve({ status: failure ? 127 : (status ?? 1), failure })
      if (file) file.end(done)
      else done()
    })
  })
}
