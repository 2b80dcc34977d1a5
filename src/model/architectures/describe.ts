import { sizeOf } from '../../core/tensor.js'
import type { Preprocessing } from '../../core/graph.js'
import { ARCHITECTURES } from './index.js'

/** What is known of an architecture: image size, number of parameters, preprocessing. */
export interface ArchitectureSummary {
  name: string
  description: string
  /** Channels, height, width; absent where the network takes any. */
  imageShape?: number[]
  /** Numbers that training changes: for 1,000 classes, 10 for CIFAR's and for networks of any image size (1x28x28). */
  parameters: number
  preprocessing?: Preprocessing
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
      preprocessing
    }
  })
}
