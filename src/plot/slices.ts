const MOST_SLICES = 16

/** Slices of a volume as one image. */
export interface Slices {
  /** [channels, height, width] of all slices side by side in rows. */
  shape: [number, number, number]
  /** Which slices along the depth, from 0. */
  shown: number[]
  /**
   * Takes the shown slices from [channels, depth, height, width]; the empty rest of the last row becomes `blank` (0).
   */
  lay: (volume: ArrayLike<number>, blank?: number) => Float32Array
}

/** At most 16 evenly spaced slices, in rows and columns. */
export function slicesOf(shape: readonly number[]): Slices {
  const [channels, depth, height, width] = shape as [number, number, number, number]
  const count = Math.min(depth, MOST_SLICES)
  const shown = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * depth) / count))
  const columns = columnsFor(count)
  const rows = Math.ceil(count / columns)
  const [tall, wide] = [rows * height, columns * width]
  const lay = (volume: ArrayLike<number>, blank = 0): Float32Array => {
    const result = new Float32Array(channels * tall * wide).fill(blank)
    for (let c = 0; c < channels; c++) {
      for (const [k, slice] of shown.entries()) {
        const [top, left] = [Math.floor(k / columns) * height, (k % columns) * width]
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            result[(c * tall + top + y) * wide + left + x] = volume[((c * depth + slice) * height + y) * width + x]!
      }
    }
    return result
  }
  return { shape: [channels, tall, wide], shown, lay }
}

/** Number of columns of an approximate square, with complete rows if possible. */
function columnsFor(count: number): number {
  const least = Math.ceil(Math.sqrt(count))
  const whole = [least, least + 1].find((columns) => count % columns === 0)
  return whole ?? least
}
