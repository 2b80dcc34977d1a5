/** Scores of predicted values. */
export interface ValueScore {
  /**
   * Coefficient of determination R2: 1 is perfect, and 0 is as good as predicting the mean. If the true values are
   * constant, it is 1 if all predictions are exact, otherwise 0.
   */
  r2: number
  /** Mean absolute error. */
  mae: number
  /** Root of the mean squared error. */
  rmse: number
}

/** Scores of a regression: means over the outputs, as scikit-learn's `uniform_average`. */
export interface RegressionMetrics extends ValueScore {
  /** Number of images. */
  images: number
  /** The scores of each output. */
  perOutput: ({ name: string } & ValueScore)[]
}

/**
 * Computes the scores of predicted values, [images, outputs], row-major.
 * @param names names of the outputs
 */
export function regressionMetrics(
  predictions: ArrayLike<number>,
  values: ArrayLike<number>,
  names: string[]
): RegressionMetrics {
  const images = values.length / names.length
  const perOutput = names.map((name, output) => {
    const column = (from: ArrayLike<number>): number[] =>
      Array.from({ length: images }, (_, i) => from[i * names.length + output]!)
    return { name, ...scoreOf(column(predictions), column(values)) }
  })
  const mean = (key: keyof ValueScore): number => perOutput.reduce((sum, one) => sum + one[key], 0) / names.length
  return { images, r2: mean('r2'), mae: mean('mae'), rmse: mean('rmse'), perOutput }
}

function scoreOf(predictions: number[], values: number[]): ValueScore {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let [absolute, squared, spread] = [0, 0, 0]
  values.forEach((value, i) => {
    const error = predictions[i]! - value
    absolute += Math.abs(error)
    squared += error * error
    spread += (value - mean) ** 2
  })
  const r2 = spread > 0 ? 1 - squared / spread : Number(squared === 0)
  return { r2, mae: absolute / values.length, rmse: Math.sqrt(squared / values.length) }
}
