import { expect, test } from '@jest/globals'
import { plus, readSize, SizeError, symbolOf, times } from '../../../src/model/import/pt2/sizes.js'

const axes = new Map([
  ['s0', 'i0'],
  ['s1', 'i2//2']
])

test.each([
  ['6*s0', '6*i0'],
  ["Mul(Integer(64), Symbol('s0', positive=True, integer=True))", '64*i0'],
  ["Add(Mul(Integer(-1), Symbol('s0')), Integer(3))", '((-1)*i0) + 3'],
  ['((s0 - 1)//2) + 1', '((i0 - 1)//2) + 1'],
  ["FloorDiv(Add(Symbol('s1', integer=True), Integer(1)), Integer(2))", '((i2//2) + 1)//2'],
  ['s0**2', 'i0*i0'],
  ['Mod(s0, 4)', 'i0%4'],
  ['Max(1, s0)', 'Max(1, i0)'],
  ['(2*3 + 1)//2', 3]
])('%s', (text, expected) => {
  expect(readSize(text, axes)).toBe(expected)
})

test.each([
  ['a symbol of values', 'u0'],
  ['a fraction', 'floor(s0/2)'],
  ['half a sum', 's0 +'],
  ['half a symbol', "Symbol('s0'"],
  ['a float', '1e400'],
  ['a negative power', 'Pow(s0, -1)'],
  ['many brackets', '('.repeat(5000)]
])('%s is refused', (_, text) => {
  expect(() => readSize(text, axes)).toThrow(SizeError)
})

test('an axis may be a multiple of a symbol', () => {
  expect(symbolOf('s0')).toEqual({ symbol: 's0', factor: 1 })
  expect(symbolOf("Mul(Integer(2), Symbol('s1'))")).toEqual({ symbol: 's1', factor: 2 })
  expect(symbolOf('s0 + 1')).toBeUndefined()
})

test('sizes are multiplied and added', () => {
  expect([times(2, 3), times(1, 'i0'), times(4, 'i0 + 1', 0), times(4, 'i0 + 1')]).toEqual([6, 'i0', 0, '4*(i0 + 1)'])
  expect([plus(), plus(1, 2), plus('i0', 3), plus('i0', 0)]).toEqual([0, 3, 'i0 + 3', 'i0'])
})
