import { basename, extname } from 'node:path'
import { LrpError } from '../../core/errors.js'
import { optionError } from '../../core/options.js'
import { isImageFile } from '../../core/image-file.js'
import type { StateDict, Tensor } from '../../core/tensor.js'
import { ARCHITECTURES, buildArchitecture } from '../architectures/index.js'
import type { Layout, ModelParts } from '../../core/graph.js'
import { imagenetClasses } from '../classes.js'
import { bindWeights } from './bind.js'
import { readPytorch } from './pytorch.js'
import { readSafetensors } from './safetensors.js'

export interface ImportOptions {
  /** Network that a file of weights alone belongs to: `resnet18`, `vgg16`, ... */
  architecture?: string
  /** Channels, height, width of an image, where the file leaves them open. */
  inputShape?: [number, number, number]
  /** Axes of the file's images, where it is not to be recognised. */
  layout?: Layout
  /** Of a file with several inputs: the one that is explained. */
  inputName?: string
  /** Arrays of the other inputs. */
  constants?: ReadonlyMap<string, Tensor>
  /** Of the others, those that get relevance too. */
  explainInputs?: 'all' | readonly string[]
}

const WEIGHTS = ['.safetensors', '.pt', '.pth', '.th']

/** Whether a file has to be told its network, by its name. */
export function holdsWeightsAlone(path: string): boolean {
  return WEIGHTS.includes(extname(path).toLowerCase())
}

/**
 * Reads a model file of another tool. `.pt2` and `.onnx` files contain graph and weights. `.safetensors`, `.pt`, `.pth`
 * and `.th` files contain only weights, so they need an architecture.
 * @throws LrpError INVALID_FILE, UNSUPPORTED, NOT_FOUND, IO, INVALID_ARGUMENT (architecture missing or unknown)
 */
export async function importModel(path: string, options: ImportOptions = {}): Promise<ModelParts> {
  const type = extname(path).toLowerCase()
  // each is loaded where it is needed: both are large
  if (type === '.pt2') return (await import('./pt2/index.js')).importPt2(path, options)
  if (type === '.onnx') return (await import('./onnx/index.js')).importOnnx(path, options)
  if (isImageFile(path)) {
    const advice = 'pass a model, and pass the image with --input'
    throw new LrpError('UNSUPPORTED', `${path} looks like an image, not like a model: ${advice}`)
  }
  if (!holdsWeightsAlone(path)) {
    const known = ['.pt2', '.onnx', ...WEIGHTS].join(', ')
    throw new LrpError('UNSUPPORTED', `${path} is not a model file: its name must end in ${known}`)
  }
  if (options.architecture === undefined) {
    if (type !== '.safetensors') await readPytorch(path) // says what else the file may be
    throw optionError('architecture', ` must name the network of ${path}, which contains weights but no graph`)
  }
  return bindStateDict(options, options.architecture, await readStateDict(path), path)
}

/** Reads the weights of a file by name. @throws LrpError INVALID_FILE, NOT_FOUND, IO */
export async function readStateDict(path: string): Promise<StateDict> {
  return extname(path).toLowerCase() === '.safetensors' ? readSafetensors(path) : readPytorch(path)
}

/** An architecture with weights from a file; its last layer's weight gives the number of classes. */
async function bindStateDict(
  { inputShape }: ImportOptions,
  architecture: string,
  weights: StateDict,
  path: string
): Promise<ModelParts> {
  const entry = ARCHITECTURES[architecture]
  const imageShape = entry?.imageShape
  if (entry && !imageShape) {
    throw new LrpError(
      'UNSUPPORTED',
      `the network '${architecture}' has no fixed image size: save the model as .pt2 instead`
    )
  }
  const isOwnSize = !entry?.sized || inputShape?.length !== 3 || inputShape[0] !== imageShape?.[0]
  const shape = (isOwnSize ? imageShape : inputShape) ?? []
  const build = (classes: number) => buildArchitecture(architecture, { classes, imageShape: shape })
  const last = build(1000).graph.nodes.findLast((node) => node.parameters.weight)?.parameters.weight
  const built = build(weights.get(last ?? '')?.shape[0] || 1000)
  const tensors = bindWeights({ ...built, name: architecture }, weights, path, entry?.ignored)
  const { graph, preprocessing } = built
  const classes = isImagenet(imageShape, weights.get(last ?? '')?.shape[0]) ? await imagenetClasses() : undefined
  return { name: basename(path, extname(path)), graph, preprocessing, tensors, ...(classes && { classes }) }
}

/** Networks designed for ImageNet whose outputs are as many as its classes. */
function isImagenet(imageShape: readonly number[] | undefined, outputs?: number): boolean {
  return outputs === 1000 && (imageShape?.[1] ?? 0) >= 224
}
