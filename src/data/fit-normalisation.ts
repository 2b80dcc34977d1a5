import { loadImages, type Dataset } from './dataset.js'
import type { Preprocessing } from '../core/graph.js'

const AT_ONCE = 256

/**
 * Mean and standard deviation per channel of the training images, in the range from 0 to `scale` and the order of
 * `channelOrder`, to which normalisation applies them.
 */
export async function fitNormalisation(
  dataset: Dataset,
  { scale, channelOrder }: Pick<Preprocessing, 'scale' | 'channelOrder'> = { scale: 1, channelOrder: 'rgb' }
): Promise<Pick<Preprocessing, 'mean' | 'std'>> {
  const [channels, height, width] = dataset.imageShape
  const plane = height * width
  const total = dataset.splits.train.labels.length
  const sums = Array<number>(channels).fill(0)
  const squares = Array<number>(channels).fill(0)
  for (let from = 0; from < total; from += AT_ONCE) {
    const { bytes } = await loadImages(dataset, 'train', from, Math.min(from + AT_ONCE, total))
    for (let start = 0; start < bytes.length; start += plane) {
      const channel = (start / plane) % channels
      let sum = 0
      let square = 0
      for (let i = start; i < start + plane; i++) {
        const value = bytes[i]!
        sum += value
        square += value * value
      }
      sums[channel]! += sum
      squares[channel]! += square
    }
  }
  const count = total * plane
  const mean = sums.map((sum) => sum / count)
  const std = squares.map((square, c) => Math.sqrt(Math.max(0, square / count - mean[c]! ** 2)))
  const round = (value: number): number => Number(((value / 255) * scale).toFixed(6))
  const fitted = { mean: mean.map(round), std: std.map((value) => round(value) || scale) }
  return channelOrder === 'bgr' ? { mean: fitted.mean.reverse(), std: fitted.std.reverse() } : fitted
}
