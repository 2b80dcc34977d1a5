import { buildArchitecture } from '../../dist/model/architectures/index.js'
import { initialise } from '../../dist/model/builder.js'

/** Networks that are measured, with random weights: time does not depend on their values. */
export const networks = {
  vgg16: () => make('vgg16', [3, 224, 224], 1000),
  resnet50: () => make('resnet50', [3, 224, 224], 1000),
  mobilenet_v2: () => make('mobilenet_v2', [3, 224, 224], 1000),
  vit_b_16: () => make('vit_b_16', [3, 224, 224], 1000),
  convnext_tiny: () => make('convnext_tiny', [3, 224, 224], 1000),
  resnet20: () => make('resnet20', [3, 32, 32], 10),
  mlp: () => make('mlp', [1, 28, 28], 10, { hiddenSize: [512, 256] })
}

function make(name, imageShape, classes, more = {}) {
  return initialise(buildArchitecture(name, { imageShape, classes, ...more }), 0)
}

/** Values of a normalised photograph, roughly: mean 0, deviation 1. */
export function randomInput(shape, seed = 1) {
  let state = seed
  const uniform = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648
  const data = Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    () => (uniform() + uniform() + uniform() - 1.5) * 2
  )
  return { data, shape }
}
