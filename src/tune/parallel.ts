import { freemem, totalmem } from 'node:os'

/** A further run may begin while this share of the memory is free. */
const SHARE = 0.2

/**
 * Works on items, several at a time: at most `most`, and fewer while memory is short, but always one. Begins none after one
 * that gave false or failed; what one failed with is thrown when all that were begun have ended.
 * @returns whether all gave true
 */
export async function inParallel<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<boolean>,
  hasRoom = (): boolean => freemem() > totalmem() * SHARE
): Promise<boolean> {
  const waiting = [...items]
  const failures: unknown[] = []
  let going = true
  let running = 0
  const worker = async (): Promise<void> => {
    while (going && waiting.length > 0 && (running === 0 || hasRoom())) {
      running++
      try {
        if (!(await work(waiting.shift()!))) going = false
      } catch (error) {
        failures.push(error)
        going = false
      }
      running--
    }
  }
  await Promise.all(Array.from({ length: most }, worker))
  if (failures.length > 0) throw failures[0]
  return going
}
