import { expect, test } from '@jest/globals'
import { digest } from '../../src/core/digest.js'
import { entriesOf, resumeValues } from '../../src/core/option.js'
import { evaluateOptions } from '../../src/evaluate/options.js'

test.each(entriesOf(evaluateOptions).map((entry) => [entry.path.join('.'), entry] as const))(
  'a stopped evaluation continues as its options say: %s',
  (_, { path, facts }) => {
    const key = (options: object): string => digest(resumeValues(evaluateOptions, options))
    const changed = path.reduceRight<unknown>((value, name) => ({ [name]: value }), ['changed'])
    expect(key(changed as object) === key({})).toBe(facts.resume === false)
  }
)

test('it depends on all options but those that change no result', () => {
  const free = entriesOf(evaluateOptions).filter(({ facts }) => facts.resume === false)
  expect(free.map(({ path }) => path.join('.')).sort()).toEqual(
    ['cache', 'onDownload', 'onProgress', 'output', 'signal'].sort()
  )
})

test('a digest tells arrays, maps and numbers apart, and leaves functions out', () => {
  const values = [
    1,
    '1',
    [1],
    [[1]],
    Float32Array.of(1),
    new Map([['a', 1]]),
    new Map([['a', 2]]),
    { a: [1, 2] },
    { a: 1 }
  ]
  expect(new Set(values.map(digest)).size).toBe(values.length)
  expect(digest({ a: 1, f: () => 1 })).not.toBe(digest({ a: 2, f: () => 1 }))
  expect(digest([() => 1])).toBe(digest([() => 2]))
})
