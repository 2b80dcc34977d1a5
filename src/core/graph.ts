/**
 * A network is data: named nodes in order of execution, each naming the tensors it reads. Layer lists, architecture
 * functions, `.pt2` and `.onnx` files all become this; C++ runs it. `docs/ops.md` lists the ops and their attributes.
 */
export interface Graph {
  /**
   * Shape of the input, null where an axis may have any size. The first axis is the batch; it is a number only for a file that
   * was exported for this number of images and mixes them, which then runs that many at a time.
   */
  inputShape: (number | null)[]
  /** In order of execution: a node only reads `input` and nodes that stand before it. */
  nodes: GraphNode[]
  /** Name of the node whose output is the network's (the logits). */
  output: string
  /** Names of all outputs, `output` first, where the network has several. */
  outputs?: string[]
  /**
   * Shape of every node's output for one image, or as many as a pass must have. C++ infers it; absent while axes of the input
   * are open.
   */
  shapes?: Record<string, number[]>
  /** The names that the file has for them. */
  outputNames?: string[]
}

/** One operation of a network, the nodes it reads, and the names of its weights. */
export interface GraphNode {
  /** Unique; module path of PyTorch if there is one (`layer1.0.conv1`). `input` is taken. */
  name: string
  /** As in `torch.nn.functional` or `torch`: `conv2d`, `relu`, `add`, `cat`, ... */
  op: string
  /** Names of the nodes that it reads, in order; `input` is the input of the network. */
  inputs: string[]
  /** Arguments of the op, by their names in PyTorch. */
  attributes: Record<string, AttributeValue>
  /** Role to tensor name: `{ weight: 'features.0.weight', bias: 'features.0.bias' }`. Two nodes may share a tensor. */
  parameters: Record<string, string>
}

/** Sizes that depend on the input's are strings such as `i0 * 49` (docs/ops.md); so are infinities, which JSON lacks. */
export type AttributeValue = number | boolean | string | number[] | boolean[] | string[] | (number | string)[]

/** A weight that is to be made: uniform in [-bound, bound], or one value throughout. */
export interface ParameterSpec {
  /** Name of the weight. */
  name: string
  /** Length of every axis. */
  shape: number[]
  /** Drawn evenly from -bound to bound. */
  bound?: number
  /** Filled with this value instead. */
  value?: number
}

/** How an image becomes the network's input; stored with the model. */
export interface Preprocessing {
  /** Shorter side after resizing, or [height, width]; absent: the image keeps its size. */
  resize?: number | [number, number]
  /** How pixels are made in resizing, as PIL does it (`bilinear`). */
  interpolation?: Interpolation
  /** Centre crop [height, width]. */
  crop?: [number, number]
  /** Half a pixel of the crop's place goes to the even side, as in torchvision (`even`), or up and left, as in Hugging Face. */
  cropRounding?: 'even' | 'down'
  /** 1 for grey images, 3 for colour. */
  channels: 1 | 3
  /** Order of the channels in the input. */
  channelOrder: 'rgb' | 'bgr'
  /** Largest value of a pixel before normalisation: bytes are divided by 255 and multiplied by this (1 or 255). */
  scale: number
  /** Subtracted from each channel after scaling; one number for each channel. */
  mean: number[]
  /** Each channel is divided by it after that; one number for each channel. */
  std: number[]
  /** Images are turned as EXIF says; PIL and torchvision leave them as they are stored (false). */
  orient?: boolean
  /** The value of 16-bit images that is white (65535). */
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

/** Everything needed to build a model: what an importer or an architecture function returns. */
export interface ModelParts {
  /** Architecture or file stem. */
  name: string
  /** The network as nodes and connections. */
  graph: Graph
  /** The weights by name. */
  tensors: import('./tensor.js').StateDict
  /** How an image becomes the input. */
  preprocessing?: Preprocessing
  /** `classification` where it is not known. */
  task?: Task
  /** The classes are independent: each has its own sigmoid. */
  multilabel?: boolean
  /** Names of the classes; of the values for regression. */
  classes?: string[]
  /** The output is a layer that the file does not return: its numbers are units, not classes. */
  inner?: boolean
  /**
   * Of the file's own arrays, where it is `nhwc`: the graph reads [batch, channels, height, width] all the same, and arrays in .npy
   * files are [batch, height, width, channels].
   */
  layout?: Layout
  /** What reading the file did to the network, in sentences. */
  notes?: string[]
  /** The file wants bytes from 0 to 255, whatever the preprocessing. */
  takesBytes?: boolean
  /** Rows of further inputs, one for each image of an array or one for all; not saved. */
  rows?: Record<string, import('./tensor.js').Tensor>
  /** Words by the number of their token; names of a table's columns. */
  vocabulary?: string[]
}
