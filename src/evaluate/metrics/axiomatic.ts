import type { ScoreContext } from './context.js'

/** |sum of the map - logit| / |logit|: what LRP without bias and stabiliser loses nothing of (Bach et al. 2015). */
export function conservationError(c: ScoreContext): number {
  return Math.abs(sumOf(c.relevance) - c.logit) / Math.abs(c.logit)
}

/** |sum of the map - (logit of the image - logit of an image of zeros)| (Sundararajan et al. 2017). */
export async function completenessError(c: ScoreContext): Promise<number> {
  const zero = await c.model.forward({ data: new Float32Array(c.image.length), shape: [1, ...c.model.imageShape] })
  return Math.abs(sumOf(c.relevance) - (c.logit - zero.data[c.target]!))
}

function sumOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}
