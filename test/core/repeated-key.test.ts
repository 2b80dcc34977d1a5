import { expect, test } from '@jest/globals'
import { repeatedKey } from '../../src/core/repeated-key.js'

test.each([
  ['{"a": 1, "b": {"a": 2}, "c": ["a", "a", {"a": 1}]}', undefined],
  ['{"a": "\\"b\\": 1, \\\\", "b": "{"}', undefined],
  ['[{"a": 1}, {"a": 1}]', undefined],
  ['"a"', undefined],
  ['{"a": 1, "a": 1}', 'a'],
  ['{"b": [{"a": 1, "x": {}, "\\u0061": 2}]}', 'a'],
  ['{"__proto__": 1, "__proto__": 2}', '__proto__'],
  ['{"": 1, "":2}', '']
])('%s', (text, key) => {
  expect(() => JSON.parse(text) as unknown).not.toThrow()
  expect(repeatedKey(text)).toBe(key)
})
