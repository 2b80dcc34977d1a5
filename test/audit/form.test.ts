import { describe, expect, test } from '@jest/globals'
import { formInWords, formOf } from '../../src/audit/form.js'
import { cropped, type ImageShape, type Pattern } from '../../src/audit/pattern.js'

const SIDE = 20
const SHAPE: ImageShape = [1, SIDE, SIDE]

/** A pattern of the pixels that are wanted, at a fixed place or without one. */
function pattern(isWanted: (y: number, x: number) => boolean, fixed = true): Pattern {
  const mask = Uint8Array.from({ length: SIDE ** 2 }, (_, i) => Number(isWanted(Math.floor(i / SIDE), i % SIDE)))
  return cropped(mask, new Uint8Array(SIDE ** 2), SHAPE, 1, fixed)!
}

const within = (at: number, from: number, to: number): boolean => at >= from && at < to
const onEdge = (y: number, x: number): boolean => y === 0 || x === 0 || y === SIDE - 1 || x === SIDE - 1

describe('the form of an artefact', () => {
  const FORMS: [string, Pattern, string | undefined, string][] = [
    [
      'a patch',
      pattern((y, x) => within(y, 1, 5) && within(x, 1, 5)),
      'small',
      'a patch of 4x4 pixels, at the upper left'
    ],
    ['a stripe', pattern((y) => within(y, 14, 16)), 'small', 'a strip of 20x2 pixels, at the bottom'],
    ['a frame', pattern(onEdge), 'border', 'a frame of 76 pixels, along the border'],
    ['a diagonal', pattern((y, x) => x === y || x === y + 1), 'line', '39 pixels across the image'],
    ['a cross', pattern((y, x) => x === 9 || y === 9), 'line', '39 pixels across the image'],
    [
      'a ring',
      pattern((y, x) => Math.max(Math.abs(y - 9.5), Math.abs(x - 9.5)) === 5.5),
      undefined,
      'a patch of 12x12 pixels, in the middle'
    ],
    ['a half', pattern((y) => y < 10), undefined, 'a strip of 20x10 pixels, at the top'],
    ['stripes', pattern((y) => y % 4 === 0), undefined, '100 pixels across the image'],
    [
      'what moves',
      pattern((y, x) => x === y && y < 10, false),
      undefined,
      'a patch of 10x10 pixels, at a location that varies'
    ]
  ]
  test.each(FORMS)('%s', (_name, one, form, words) => {
    expect(formOf(one, SHAPE)).toBe(form)
    expect(formInWords(one, SHAPE)).toBe(words)
  })
})
