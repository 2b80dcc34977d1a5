import { sizeOf } from '../../core/tensor.js'
import type { Preprocessing } from '../../core/graph.js'
import { PUBLISHED_NETWORKS } from '../published-networks.js'
import { ARCHITECTURES } from './index.js'

/** Description of an architecture: image size, number of parameters, preprocessing. */
export interface ArchitectureSummary {
  /** Name for `--architecture` and `--model`. */
  name: string
  /** Description in one line. */
  description: string
  /** Channels, height, width; missing if the network accepts any size. */
  imageShape?: number[]
  /**
   * Number of trainable parameters with 1,000 classes. Networks for CIFAR and networks of any image size (here 1x28x28)
   * are counted with 10 classes.
   */
  parameters: number
  /** Preprocessing of images. */
  preprocessing?: Preprocessing
  /**
   * Published weights, which are downloaded when the name is used as a model: bytes, licence, training data, pip
   * package.
   */
  published?: { bytes: number; licence: string; data: string; source: string }
}

/** Lists the architectures with their sizes. */
export function describeArchitectures(): ArchitectureSummary[] {
  return Object.entries(ARCHITECTURES).map(([name, { description, imageShape, build }]) => {
    const classes = imageShape && imageShape[1] > 32 ? 1000 : 10
    const { parameters, preprocessing } = build({ classes, imageShape: imageShape ?? [1, 28, 28] })
    const trained = parameters.filter((one) => !/\.running_(mean|var)$/.test(one.name))
    return {
      name,
      description,
      imageShape,
      parameters: trained.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      preprocessing,
      published: publishedOf(name)
    }
  })
}

function publishedOf(name: string): ArchitectureSummary['published'] {
  const network = PUBLISHED_NETWORKS[name]
  if (!network) return undefined
  const { licence, data, source, weights } = network
  return { bytes: weights.bytes, licence, data, source }
}
