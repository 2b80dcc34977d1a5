import { expect, test } from '@jest/globals'
import type { Images } from '../../src/audit/images.js'
import { imagesCalledOtherwise } from '../../src/audit/images-called-otherwise.js'
import type { Observed } from '../../src/audit/observe.js'
import type { Pattern } from '../../src/audit/pattern.js'
import { otherwiseText } from '../../src/audit/verdict.js'

/** Images of 1x2x2 pixels; a 9 stands for the value of the pattern. */
const IMAGES = [
  [9, 0, 0, 0], // called the class
  [9, 0, 0, 0], // labelled as the class, called otherwise, with the pattern
  [0, 9, 0, 0], // the same at another place
  [0, 0, 0, 0], // without
  [9, 0, 0, 0] // with the pattern, but of another class
]
const LABELS = [1, 1, 1, 1, 0]
const PREDICTED = Int32Array.from([1, 0, 0, 0, 0])

const some = {
  images: {
    workShape: [1, 2, 2],
    readSmall: (places: number[]) => Promise.resolve(places.map((i) => Uint8Array.from(IMAGES[i]!, (one) => one * 28)))
  } as unknown as Images,
  observed: { predicted: PREDICTED } as Observed,
  target: 1
}
const anywhere: Pattern = { height: 1, width: 1, mask: Uint8Array.of(1), content: Uint8Array.of(252) }
const fixed: Pattern = { ...anywhere, place: { top: 0, left: 0 } }

test('images of the class that show a pattern and are called otherwise are found, each once', async () => {
  expect(await imagesCalledOtherwise(some, LABELS, [fixed, anywhere])).toEqual([[1], [2]])
  expect(await imagesCalledOtherwise(some, LABELS, [undefined, anywhere])).toEqual([[], [1, 2]])
  expect(await imagesCalledOtherwise(some, LABELS, [undefined])).toEqual([[]])
})

test('the verdict says how many they are', () => {
  expect(otherwiseText('ship', 0)).toBe('')
  expect(otherwiseText('ship', 1)).toBe(' 1 image labelled ship shows it too, but is classified differently.')
  expect(otherwiseText('ship', 3)).toBe(' 3 images labelled ship show it too, but are classified differently.')
})
