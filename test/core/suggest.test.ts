import { expect, test } from '@jest/globals'
import { nearest, unknownClass, unknownName } from '../../src/core/suggest.js'

test('the nearest name, where one is near enough', () => {
  expect(nearest('epsilom', ['gamma', 'epsilon', 'epsilon-plus'])).toBe('epsilon')
  expect(nearest('Adan', ['sgd', 'adam', 'adamw'])).toBe('adam')
  expect(nearest('xyz', ['epsilon', 'gamma'])).toBeUndefined()
  expect(nearest('a', [])).toBeUndefined()
})

test('a class far from all names is not guessed: the number of classes is said', () => {
  const many = ['malinois', ...Array.from({ length: 999 }, (_, i) => `class-${i}`)]
  expect(unknownClass('melanoma', many, 'target').message).toBe(
    "there is no class 'melanoma': the model has 1000 classes, such as malinois, class-0, class-1, class-2, class-3"
  )
  expect(unknownClass('malinoi', many, 'target').message).toContain("did you mean 'malinois'?")
})

test('classes whose names contain the word are suggested', () => {
  const classes = ['tench', 'tabby, tabby cat', 'Egyptian cat', 'cab', 'catamaran']
  expect(unknownClass('Cat', classes, 'target').message).toBe(
    "there is no class 'Cat': did you mean 'tabby, tabby cat' or 'Egyptian cat'?"
  )
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
