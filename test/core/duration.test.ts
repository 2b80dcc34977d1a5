import { expect, test } from '@jest/globals'
import { duration } from '../../src/core/duration.js'

test.each([
  [0.51234, '0.512 ms'],
  [72.943, '72.9 ms'],
  [999.4, '999 ms'],
  [999.6, '1 s'],
  [1236, '1.24 s'],
  [152_400, '152 s'],
  [3_600_000, '3600 s']
])('%d milliseconds are %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text)
})
