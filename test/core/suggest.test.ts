import { expect, test } from '@jest/globals'
import { nearest, unknownName } from '../../src/core/suggest.js'

test('the nearest name, where one is near enough', () => {
  expect(nearest('epsilom', ['gamma', 'epsilon', 'epsilon-plus'])).toBe('epsilon')
  expect(nearest('Adan', ['sgd', 'adam', 'adamw'])).toBe('adam')
  expect(nearest('xyz', ['epsilon', 'gamma'])).toBeUndefined()
  expect(nearest('a', [])).toBeUndefined()
})

test('few names are listed, of many those most like the one given', () => {
  expect(unknownName('rule', 'xyz', ['epsilon', 'gamma']).message).toBe(
    "there is no rule 'xyz': choose from epsilon, gamma"
  )
  const many = Array.from({ length: 60 }, (_, i) => `experiment-${i}`)
  const { message } = unknownName('experiment', 'mine', [...many, 'mnist-mlp'])
  expect(message).toMatch(
    /^there is no experiment 'mine': choose from mnist-mlp, (experiment-\d+, ){3}experiment-\d+ and 56 more$/
  )
})
