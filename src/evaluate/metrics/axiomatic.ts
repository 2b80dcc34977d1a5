import { targetLogits, type ScoreContext } from './context.js'
import { familyOf } from './description.js'
import { inputInvariance } from './invariance.js'

export const COMPLETENESS = familyOf({ family: 'axiomatic', needs: ['model'] }, [
  {
    name: 'conservation_error',
    better: 'lower',
    definition: '|sum of the map - logit| / |logit|',
    reference: 'Bach et al. 2015',
    score: conservationError
  },
  {
    name: 'completeness_error',
    better: 'lower',
    definition: '|sum of the map - (logit - logit of an image of zeros)|',
    reference: 'Sundararajan et al. 2017',
    score: completenessError
  }
])

export const INVARIANCE = familyOf({ family: 'axiomatic', needs: ['model', 'image', 'explainer', 'shift'] }, [
  {
    name: 'input_invariance',
    better: 'lower',
    definition: 'relative change of the map under a shift of all inputs that the first layer compensates',
    reference: 'Kindermans et al. 2019',
    score: inputInvariance
  }
])

/** |sum of R - initial relevance| / |initial relevance|: 0 for LRP without biases and stabilisers. */
function conservationError(c: ScoreContext): number {
  const start = startOf(c, c.logit)
  return Math.abs(sumOf(c.relevance) - start) / Math.abs(start)
}

/** Relevance starts as a region's sum of logits; a curve shows their mean. */
function startOf({ region }: ScoreContext, logit: number): number {
  return region ? logit * region.data.reduce((sum, inside) => sum + inside, 0) : logit
}

async function completenessError(c: ScoreContext): Promise<number> {
  const [zero] = await targetLogits(c, [new Float32Array(c.image.length)])
  return Math.abs(sumOf(c.relevance) - startOf(c, c.logit - zero!))
}

function sumOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}
