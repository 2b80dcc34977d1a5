import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/**
 * A peer in a process of its own: a Python script that prints a line of JSON when it is ready, and answers each line of
 * its input with another. While it waits, the machine is ours.
 */
export async function startPeer(python, args) {
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${args[0]} ended: see above`)
    return JSON.parse(value)
  }
  return {
    ready: await answer(),
    run: (line) => {
      child.stdin.write(`${line}\n`)
      return answer()
    },
    stop: () => {
      child.stdin.end()
      return ended
    }
  }
}
