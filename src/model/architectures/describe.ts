import { sizeOf } from '../../core/tensor.js'
import type { Preprocessing } from '../../core/graph.js'
import { PUBLISHED_NETWORKS } from '../published-networks.js'
import { ARCHITECTURES } from './index.js'

/** What is known of an architecture: image size, number of parameters, preprocessing. */
export interface ArchitectureSummary {
  /** Name for `--architecture` and `--model`. */
  name: string
  /** One line about it. */
  description: string
  /** Channels, height, width; absent where the network takes any. */
  imageShape?: number[]
  /** Numbers that training changes: for 1,000 classes, 10 for CIFAR's and for networks of any image size (1x28x28). */
  parameters: number
  /** How an image becomes the input. */
  preprocessing?: Preprocessing
  /** Trained weights that are fetched where the name is used as a model: bytes, licence, training data, pip package. */
  published?: { bytes: number; licence: string; data: string; source: string }
}

/** The networks there are, with their sizes. */
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
