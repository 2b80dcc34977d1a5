import { freemem, totalmem } from 'node:os'

/** A further run may begin while this share of the memory is free. */
const SHARE = 0.2

/**
 * Works on items, several at a time: at most `most`, and fewer while memory is short, but always one. Begins none after one
 * that gave false.
 * @returns whether all gave true
 */
export async function inParallel<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<boolean>,
  hasRoom = (): boolean => freemem() > totalmem() * SHARE
): Promise<boolean> {
  const waiting = [...items]
  let going = true
  let running = 0
  const worker = async (): Promise<void> => {
    while (going && waiting.length > 0 && (running === 0 || hasRoom())) {
      running++
      const done = await work(waiting.shift()!).finally(() => running--)
      going &&= done
    }
  }
  await Promise.all(Array.from({ length: most }, worker))
  return going
}
