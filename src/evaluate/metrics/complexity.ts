import { familyOf } from './description.js'

const magnitudes = (map: Float32Array): Float64Array => Float64Array.from(map, Math.abs)

/** Scores of a map alone; definitions as in Quantus 0.6. */
export const COMPLEXITY = familyOf({ family: 'complexity', needs: [] }, [
  {
    name: 'sparseness',
    definition: 'Gini index of |a| + 1e-7',
    reference: 'Chalasani et al. 2020',
    score: ({ relevance }) => sparseness(relevance)
  },
  {
    name: 'complexity',
    definition: 'entropy of |a| / sum |a|, natural logarithm',
    reference: 'Bhatt et al. 2020',
    score: ({ relevance }) => entropy(relevance)
  },
  {
    name: 'effective_complexity',
    definition: 'number of entries with |a| > 1e-5',
    reference: 'Nguyen and Martinez 2020',
    score: ({ relevance }) => relevance.filter((value) => Math.abs(value) > 1e-5).length
  }
])

/** Gini index of |a| + 1e-7: 0 if evenly spread, 1 if all relevance is in one pixel. */
function sparseness(map: Float32Array): number {
  const sorted = magnitudes(map)
    .map((value) => value + 1e-7)
    .sort()
  const n = sorted.length
  let [weighted, sum] = [0, 0]
  sorted.forEach((value, i) => {
    weighted += (2 * (i + 1) - n - 1) * value
    sum += value
  })
  return weighted / (n * sum)
}

function entropy(map: Float32Array): number {
  const values = magnitudes(map)
  const sum = values.reduce((total, value) => total + value, 0)
  return -values.reduce((total, value) => (value > 0 ? total + (value / sum) * Math.log(value / sum) : total), 0)
}
