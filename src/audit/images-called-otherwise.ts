import { findPattern, shows, type Pattern } from './pattern.js'
import { placesWith } from './places.js'
import type { Class } from './prove-patterns.js'

/**
 * Images that are labelled as the class and show a pattern, but that the model classifies differently, by their place in the
 * split: a list of the pattern's images should include them.
 * @param labels of all images
 * @param patterns as they are sought, if there are any
 * @returns for every pattern the images that no earlier pattern has
 */
export async function imagesCalledOtherwise(
  { images, observed: { predicted }, target }: Pick<Class, 'images' | 'observed' | 'target'>,
  labels: ArrayLike<number>,
  patterns: (Pattern | undefined)[]
): Promise<number[][]> {
  if (patterns.every((one) => one === undefined)) return patterns.map(() => [])
  let left = placesWith(labels, (one) => one === target).filter((i) => predicted[i] !== target)
  const bytes = new Map((await images.readSmall(left)).map((one, at) => [left[at]!, one]))
  return patterns.map((pattern) => {
    if (!pattern) return []
    const found = left.filter((i) => shows(findPattern(bytes.get(i)!, images.workShape, pattern), pattern))
    left = left.filter((i) => !found.includes(i))
    return found
  })
}
