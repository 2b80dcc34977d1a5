import { expect, test } from '@jest/globals'
import { resultName } from '../../src/explain/result-name.js'
import type { Model } from '../../src/model/model.js'

const model = {} as Model
const head = { source: { path: 'net.pt2', options: { head: 'layer3.1' } } } as Model

test.each([
  [{}, 'epsilon'],
  [{ target: 3 }, 'epsilon-target-3'],
  [{ target: ['cat', 'dog'] }, 'epsilon-target-cat_dog'],
  [{ region: [14, 20], target: 'road' }, 'epsilon-target-road-region-14_20'],
  [{ region: 'masks/left.png' }, 'epsilon-region-left'],
  [{ box: 'best' }, 'epsilon-box-best'],
  [{ reference: '/photos/a cat.jpg' }, 'epsilon-reference-a_cat'],
  [{ against: 'runner-up', start: 'logit' }, 'epsilon-against-runner-up'],
  [{ start: 'softmax-gradient' }, 'epsilon-start-softmax-gradient'],
  [{ concepts: { conv2: [22, 54] } }, 'epsilon-concept-conv2_22_54']
])('%j has the folder %s', (options, name) => {
  expect(resultName(model, 'epsilon', { target: 'argmax', ...options } as Parameters<typeof resultName>[2])).toBe(name)
})

test('another output of the network is part of the name', () => {
  expect(resultName(head, 'epsilon', { target: 'argmax' })).toBe('epsilon-head-layer3.1')
  expect(resultName(model, 'epsilon', { target: 1, head: 'parity' })).toBe('epsilon-head-parity-target-1')
})
