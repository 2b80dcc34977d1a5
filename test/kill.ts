import { spawn } from 'node:child_process'

/** Runs a script to its end, or kills it after this number of its lines; the lines it printed. */
export function runOrKill(script: string, args: string[], killAfter = Infinity): Promise<string[]> {
  const child = spawn(process.execPath, [script, ...args])
  let [text, errors] = ['', '']
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.split('\n').length > killAfter) child.kill('SIGKILL')
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(text.trim().split('\n'))
      else reject(new Error(errors))
    })
  })
}
