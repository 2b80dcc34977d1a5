/**
 * A network as data: named nodes in order of execution, each with the names of the nodes that it reads. Layer lists,
 * architectures, `.pt2` files and `.onnx` files are converted to a graph, and C++ runs it. `docs/ops.md` lists the ops
 * and their attributes.
 */
export interface Graph {
  /**
   * Shape of the input; null for an axis of any size. The first axis is the batch. It is a number only if the file was
   * exported for this number of images and mixes them; every pass then has this number of images.
   */
  inputShape: (number | null)[]
  /** Nodes in order of execution: a node reads only `input` and earlier nodes. */
  nodes: GraphNode[]
  /** Name of the node whose output is the output of the network (the logits). */
  output: string
  /** Names of all outputs, `output` first, if the network has several. */
  outputs?: string[]
  /**
   * Shape of every node's output for one image, or for the number of images that a pass must have. C++ infers the
   * shapes. They are missing while the input has axes of any size.
   */
  shapes?: Record<string, number[]>
  /** Names of the outputs in the file. */
  outputNames?: string[]
}

/** One operation of a network, the nodes it reads, and the names of its weights. */
export interface GraphNode {
  /** Unique name: PyTorch's module path if there is one (`layer1.0.conv1`). The name `input` is reserved. */
  name: string
  /** Name of the op, as in `torch.nn.functional` or `torch`: `conv2d`, `relu`, `add`, `cat`, ... */
  op: string
  /** Names of the nodes that this node reads, in order; `input` is the input of the network. */
  inputs: string[]
  /** Arguments of the op, with their PyTorch names. */
  attributes: Record<string, AttributeValue>
  /**
   * Name of the tensor for each role: `{ weight: 'features.0.weight', bias: 'features.0.bias' }`. Two nodes may share a
   * tensor.
   */
  parameters: Record<string, string>
}

/**
 * Value of an attribute. Sizes that depend on the input are strings, for example `i0 * 49` (docs/ops.md). Infinities
 * are strings too, because JSON cannot represent them.
 */
export type AttributeValue = number | boolean | string | number[] | boolean[] | string[] | (number | string)[]

/** A weight to initialise: uniformly distributed in [-bound, bound], or filled with one value. */
export interface ParameterSpec {
  /** Name of the weight. */
  name: string
  /** Length of every axis. */
  shape: number[]
  /** Values are drawn uniformly from [-bound, bound]. */
  bound?: number
  /** All elements have this value. */
  value?: number
}

/** Defines how an image becomes the network's input; stored with the model. */
export interface Preprocessing {
  /** Shorter side after resizing, or [height, width]. Without it, the image keeps its size. */
  resize?: number | [number, number]
  /** Interpolation for resizing, as in PIL (`bilinear`). */
  interpolation?: Interpolation
  /** Centre crop [height, width]. */
  crop?: [number, number]
  /**
   * Rounding of a crop position that is half a pixel: to an even number, as in torchvision (`even`), or up and left, as
   * in Hugging Face.
   */
  cropRounding?: 'even' | 'down'
  /** Number of channels: 1 for grey images, 3 for colour images. */
  channels: 1 | 3
  /** Order of the channels in the input. */
  channelOrder: 'rgb' | 'bgr'
  /** Largest pixel value before normalisation (1 or 255): bytes are divided by 255 and multiplied by it. */
  scale: number
  /** Mean, which is subtracted after scaling; one number for each channel. */
  mean: number[]
  /** Standard deviation, by which values are divided after that; one number for each channel. */
  std: number[]
  /** Whether the EXIF orientation is applied (false). PIL and torchvision do not apply it. */
  orient?: boolean
  /** Value of white in 16-bit images (65535). */
  white?: number
}

export const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic'] as const
/** `bilinear` and `bicubic` are anti-aliased where an image becomes smaller. */
export type Interpolation = (typeof INTERPOLATIONS)[number]

export const COMPUTE_PRECISIONS = ['fp32', 'fp64', 'bf16', 'fp16', 'tf32'] as const
/**
 * What a network computes in: float32, float64, or float32 with the factors of convolutions and matrix products in bfloat16, float16
 * (CUDA) or rounded to 10 bits (tf32, CUDA).
 */
export type Precision = (typeof COMPUTE_PRECISIONS)[number]

export const LAYOUTS = ['nchw', 'nhwc'] as const
/** Where the channels of images lie in a file's own arrays: in front of height and width, or behind them. */
export type Layout = (typeof LAYOUTS)[number]

export const TASKS = ['classification', 'regression'] as const
/** What the outputs are: one logit per class, or values. */
export type Task = (typeof TASKS)[number]

export const DATA_TASKS = [...TASKS, 'multilabel', 'binary'] as const
/**
 * What labels are: one class each, values, any number of classes each (`multilabel`), or one of two classes that a single
 * logit tells apart (`binary`).
 */
export type DataTask = (typeof DATA_TASKS)[number]

/** What the numbers of the output mean: one class of several, a single logit, independent classes, values, or units of a layer. */
export const OUTPUT_KINDS = ['classes', 'binary', 'multilabel', 'values', 'units'] as const
export type OutputKind = (typeof OUTPUT_KINDS)[number]

/** Everything that is needed to build a model. Importers return this type. */
export interface ModelParts {
  /** Name of the architecture, or of the file without its extension. */
  name: string
  /** The network as nodes and connections. */
  graph: Graph
  /** The weights by name. */
  tensors: import('./tensor.js').StateDict
  /** Preprocessing of images. */
  preprocessing?: Preprocessing
  /** Task of the model; `classification` if it is not known. */
  task?: Task
  /** True if the classes are independent, each with its own sigmoid. */
  multilabel?: boolean
  /** Names of the classes, or of the values for regression. */
  classes?: string[]
  /** True if the output is an inner layer, whose numbers are units and not classes. */
  inner?: boolean
  /**
   * Layout of arrays in files, if it is `nhwc`: arrays in .npy files are [batch, height, width, channels]. The graph
   * always reads [batch, channels, height, width].
   */
  layout?: Layout
  /** Changes that the import made to the network, as sentences. */
  notes?: string[]
  /** True if the network takes values from 0 to 255, whatever the preprocessing. */
  takesBytes?: boolean
  /** Values of the other inputs: one row for each image, or one row for all images; not saved. */
  rows?: Record<string, import('./tensor.js').Tensor>
  /** Words, indexed by token id, or names of a table's columns. */
  vocabulary?: string[]
}
