import { expect, jest, test } from '@jest/globals'
import { inParallel } from '../../src/tune/parallel.js'

jest.setTimeout(600_000)

/** How many ran at once at most, and what was worked on. */
async function run(most: number, hasRoom: () => boolean, fails?: number) {
  let [running, highest] = [0, 0]
  const begun: number[] = []
  const all = await inParallel(
    [0, 1, 2, 3, 4, 5],
    most,
    async (item) => {
      begun.push(item)
      highest = Math.max(highest, ++running)
      await new Promise(setImmediate)
      running--
      return item !== fails
    },
    hasRoom
  )
  return { all, highest, begun }
}

test('as many at a time as are asked for, each once', async () => {
  expect(await run(3, () => true)).toEqual({ all: true, highest: 3, begun: [0, 1, 2, 3, 4, 5] })
})

test('one at a time where memory is short', async () => {
  expect(await run(3, () => false)).toEqual({ all: true, highest: 1, begun: [0, 1, 2, 3, 4, 5] })
})

test('none begins after one that was stopped', async () => {
  expect(await run(1, () => true, 2)).toEqual({ all: false, highest: 1, begun: [0, 1, 2] })
})

test('an error ends all', async () => {
  await expect(inParallel([1], 2, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
})

test('what one failed with is thrown when all that were begun have ended, and none is begun after it', async () => {
  const log: string[] = []
  const work = async (item: number): Promise<boolean> => {
    log.push(`begin ${item}`)
    await new Promise((resolve) => setImmediate(resolve))
    if (item === 0) throw new Error('broken')
    await new Promise((resolve) => setImmediate(resolve))
    log.push(`end ${item}`)
    return true
  }
  await expect(inParallel([0, 1, 2, 3], 2, work, () => true)).rejects.toThrow('broken')
  expect(log).toEqual(['begin 0', 'begin 1', 'end 1'])
})
