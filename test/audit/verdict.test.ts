import { expect, test } from '@jest/globals'
import { channelReason, reasonOf } from '../../src/audit/verdict.js'
import { flipsOf } from '../../src/audit/intervene.js'

const some = (count: number, images: number) => flipsOf(count, images)

test.each([
  [some(1, 1), '1 of 1 image called 8 changes class'],
  [some(0, 1), '0 of 1 image called 8 changes class'],
  [some(1, 80), '1 of 80 images called 8 changes class'],
  [some(2, 80), '2 of 80 images called 8 change class']
])('a verdict agrees with its number', (removed, words) => {
  const intervention = { removed, inserted: some(1, 9), random: some(3, 9) }
  expect(reasonOf('8', 'the patch', intervention, 'decides')).toBe(
    `Decides the class: ${words} when the patch is filled in; 1 of 9 images of other classes becomes 8 when it is pasted in; ` +
      '3 of 9 images change when a random region of the same shape is changed instead.'
  )
})

test('channels are those of a layer, whose name may be a number', () => {
  const found = { channels: [15, 10], removed: some(4, 9), inserted: some(5, 9), random: some(0, 9) }
  expect(channelReason('8', '3', found)).toBe(
    '4 of 9 images change class when channels 15, 10 of layer 3 are set to 0; ' +
      '5 of 9 images of other classes become 8 when given the activation from this cluster; ' +
      '0 of 9 images change when random channels are replaced instead.'
  )
})
