import { join } from 'node:path'
import type { z } from 'zod'
import { LrpError } from '../core/errors.js'
import { callNative, toLrpError, type NativeModel, type NodeFacts, type Replacement } from '../native/addon.js'
import { checkOptions, optionError, withoutUndefined } from '../core/options.js'
import { absolute, defaultDevice } from '../core/paths.js'
import { counted } from '../core/plural.js'
import type { RawTensor, StateDict, Tensor } from '../core/tensor.js'
import type { Graph, Layout, ModelParts, OutputKind, Precision, Preprocessing, Task } from '../core/graph.js'
import type { Experiment } from '../experiment/experiment.js'
import { checkClasses } from './classes.js'
import { checkStoredShapes, inferFacts, shapesOf } from './facts.js'
import { asTask, withoutFinalActivation, type FinalActivation } from './final-activation.js'
import { isInner, withHead } from './heads.js'
import { rowsOfBatch } from './further-inputs.js'
import { inputKind, placesOf, planesOf, tokenLookups, type InputKind } from './input-kind.js'
import { asNetwork } from './layout.js'
import { loadModel } from './load.js'
import { forwardOptions, loadOptions, type LoadOptions } from './options.js'
import { outputKind, outputNoun } from './output-nouns.js'
import { inputRange } from './preprocessing.js'
import { refuseOtherFiles, saveParts } from './save.js'
import { checkVocabulary } from './vocabulary.js'

/**
 * A network on a device. Weights live in C++ until `dispose()` or garbage collection. Calls may overlap: explanations
 * share the weights, training has them alone.
 */
export class Model {
  /** For this package: `load` and `create` make models. */
  constructor(
    /** Graph, names and preprocessing as they are saved; the weights are in C++. */
    readonly parts: Omit<ModelParts, 'tensors'> & {
      removed?: FinalActivation
      facts?: NodeFacts[]
      /** With the outputs that are not explained, where the network has several. */
      whole?: { graph: Graph; facts?: NodeFacts[] }
      /** What `load` was called with, where it was: folder, file or published network, and the options. */
      source?: ModelSource
    },
    /** The C++ side, for the jobs of this package. */
    readonly handle: NativeModel,
    /** Shapes of the weights by name. */
    readonly parameterShapes: ReadonlyMap<string, readonly number[]>,
    /** The experiment that the model is of; its data set, patterns and folders are used where none are named. */
    readonly experiment?: Experiment,
    /** What it computes in. */
    readonly precision: Precision = 'fp32'
  ) {}

  /**
   * Loads an experiment, a saved model, or a file of another tool (docs/models.md).
   * @param path a folder or file, or the name of an experiment; by default the newest experiment
   * @throws LrpError NOT_FOUND, INVALID_FILE, UNSUPPORTED, NUMERIC (weights that are not finite), DEVICE
   */
  static async load<M extends Model>(this: ModelClass<M>, path?: string, options: LoadOptions = {}): Promise<M> {
    const { precision } = checkOptions(loadOptions, options)
    const { parts, experiment } = await loadModel(path, options)
    const source = { path: absolute(experiment?.folder ?? path!), options }
    const model = await build(this, { ...parts, source }, options.device, experiment, precision).catch(
      (error: unknown) => {
        throw options.inputShape === undefined ? error : cannotTake(parts, error as LrpError)
      }
    )
    try {
      checkStoredShapes(parts.graph.shapes, model.graph, path ?? model.name)
      if (options.classes !== undefined) checkClasses(model, options.classes)
      if (options.vocabulary !== undefined) checkVocabulary(model)
      if (options.task !== undefined) model.checkTask(options.task)
    } catch (error) {
      model.dispose()
      throw error
    }
    return model
  }

  /**
   * Builds a model from its parts. The weights are taken over without a copy on the CPU: do not change them afterwards.
   * A softmax or sigmoid at the end is left out, because explanations start from logits: see `removed`.
   */
  static async create<M extends Model>(
    this: ModelClass<M>,
    parts: ModelParts,
    device?: string,
    precision?: Precision
  ): Promise<M> {
    return build(this, parts, device, undefined, precision)
  }

  /** Name of the architecture or file. */
  get name(): string {
    return this.parts.name
  }
  /** What `load` was called with; undefined for a model that a program made. */
  get source(): ModelSource | undefined {
    return this.parts.source
  }
  /** The network as nodes and connections. */
  get graph(): Graph {
    return this.parts.graph
  }
  /** What the outputs mean: classes, independent labels, one of two classes, or values. */
  get task(): Task {
    return this.parts.task ?? 'classification'
  }
  /** The outputs are numbers without probabilities: values of a regression, or units of a layer. */
  get givesValues(): boolean {
    return this.task === 'regression' || this.isInner
  }
  /** The output is a layer inside the network, whose numbers are units. */
  get isInner(): boolean {
    return this.parts.inner === true
  }
  /** Every logit is a class of its own, whose probability is its sigmoid; otherwise all share a softmax. */
  get multilabel(): boolean {
    return this.parts.multilabel === true && !this.givesValues
  }
  /** The softmax or sigmoid at the end of the network that was left out. */
  get removed(): FinalActivation | undefined {
    return this.parts.removed
  }
  /** What one number of the output is called. */
  get outputNoun(): string {
    return outputNoun(this, this.graph.shapes?.[this.graph.output])
  }
  /**
   * What this number of outputs means: one class of several, one of two by a single logit, independent classes, values, or units of a
   * layer.
   */
  outputKind(outputs: number): OutputKind {
    return outputKind(this, outputs)
  }
  /** Of arrays as the network's file takes them; the network itself takes [batch, channels, height, width]. */
  get layout(): Layout {
    return this.parts.layout ?? 'nchw'
  }
  /** Models of other outputs, over the same weights. */
  private readonly heads = new Map<string | number, Promise<Model>>()

  /**
   * The same network with another output, over the same weights: training changes both. It is disposed of with this model.
   * @param head number or name of an output in the file, or any layer
   * @throws LrpError INVALID_ARGUMENT for an output that does not exist
   */
  async head(head: string | number): Promise<this> {
    if (!this.heads.has(head)) this.heads.set(head, this.makeHead(head))
    return (await this.heads.get(head)!) as this
  }

  private async makeHead(head: string | number): Promise<Model> {
    const { classes, removed: _, facts, whole = { graph: this.graph, facts }, ...others } = this.parts
    const graph = withHead(whole.graph, head)
    const own = graph.output === whole.graph.output && { classes }
    const rest = { ...others, ...own, inner: isInner(whole.graph, graph.output) || undefined }
    const parts = asTask({ ...rest, graph }, await withoutFinalActivation(graph, async () => graph.shapes ?? {}))
    const handle = await callNative(() => this.handle.withGraph(parts.graph))
    const Class = this.constructor as ModelClass<Model>
    const built = { ...parts, facts: factsOf(parts.graph, whole.facts) }
    return new Class(built, handle, this.parameterShapes, this.experiment, this.precision)
  }

  /** Names of the classes; of the values for regression. */
  get classes(): string[] | undefined {
    return this.parts.classes
  }
  /** How an image becomes the input; undefined where the file does not say. */
  get preprocessing(): Preprocessing | undefined {
    return this.parts.preprocessing
  }
  /** `cpu`, `cuda:0`, ... @throws LrpError DISPOSED */
  get device(): string {
    try {
      return this.handle.device
    } catch (error) {
      throw toLrpError(error)
    }
  }
  /** Shape of one image: channels, height, width. */
  get imageShape(): number[] {
    return this.graph.inputShape.slice(1).map((axis) => axis ?? 0)
  }
  /** What one input is, by the graph: an image, a signal, a volume, a row of a table or tokens. */
  get inputKind(): InputKind {
    return inputKind(this.graph)
  }
  /** Values of black and white after preprocessing, per channel. */
  get inputRange(): { low: number[]; high: number[] } | undefined {
    return this.preprocessing && inputRange(this.preprocessing)
  }

  /** Where results go by default: the experiment's folder, else one below the current folder. */
  resultFolder(...parts: string[]): string {
    return this.experiment?.path(...parts) ?? join(...parts)
  }

  /** A class's name, or its number where names are unknown. */
  className(index: number): string {
    return this.classes?.[index] ?? String(index)
  }

  /** One input with its channels in front: [channels, ...places]; a row of a table or tokens have one channel. */
  get places(): number[] {
    return placesOf(this.imageShape, this.inputKind)
  }
  /** The same as planes: a signal has height 1, the slices of a volume lie below each other. */
  get planes(): [channels: number, height: number, width: number] {
    return planesOf(this.places)
  }
  /** The word of a token, or the name of a table's column; its number where it has no name. */
  wordFor(index: number): string {
    return this.parts.vocabulary?.[index] ?? String(index)
  }

  /**
   * Logits of a batch.
   * @param input [batch, ...] as the network wants it, or in its file's layout: preprocessing is not applied
   * @returns [batch, classes]
   */
  async forward(input: Tensor, options: z.input<typeof forwardOptions> = {}): Promise<Tensor> {
    const { signal, ...given } = checkOptions(forwardOptions, options)
    checkTensor(input)
    const batchSize = this.fixedBatch(input) ?? given.batchSize ?? input.shape[0]!
    return (await this.run(input, { batchSize, replace: given.replace }, signal)).output
  }

  /**
   * How many images a pass must have, where the file was exported for that number and mixes them (see docs/models.md).
   * @throws LrpError INVALID_ARGUMENT where the images do not make up whole passes
   */
  fixedBatch({ shape }: Pick<Tensor, 'shape'>): number | undefined {
    const [images] = this.graph.inputShape
    if (typeof images !== 'number' || shape[0]! % images === 0) return images ?? undefined
    const given = `the input has ${counted(shape[0]!, 'image')}`
    throw new LrpError('INVALID_ARGUMENT', `${this.name} was exported for batches of ${images} images, but ${given}`)
  }

  /**
   * Nodes that are folded into others before the network is explained, where that is exact: batch norms, and convolutions
   * whose results are added up.
   */
  async folded(): Promise<string[]> {
    return callNative(() => this.handle.folded())
  }

  /** Outputs of named layers of the network as it is written: nothing is folded. */
  async outputsOf(input: Tensor, layers: string[], signal?: AbortSignal): Promise<Record<string, Tensor>> {
    checkTensor(input)
    return (await this.run(input, { batchSize: input.shape[0]!, layers, asWritten: true }, signal)).layers
  }

  /** Outputs of named layers of the network that is explained: that of a layer with a folded batch norm includes it. */
  async activations(input: Tensor, layers: string[], signal?: AbortSignal): Promise<Record<string, Tensor>> {
    checkTensor(input)
    return (await this.run(input, { batchSize: input.shape[0]!, layers }, signal)).layers
  }

  private run(
    input: Tensor,
    options: { batchSize: number; layers?: string[]; replace?: Replacement[]; asWritten?: boolean },
    signal?: AbortSignal
  ) {
    const all = { layers: [], replace: [], asWritten: false, ...withoutUndefined(options) }
    const batchSize = Math.max(1, options.batchSize) // an input without images is C++'s to refuse
    const inputs = rowsOfBatch(this.parts, input)
    return callNative(
      (_, cancel) => this.handle.forward(asNetwork(this, input), { ...all, inputs, batchSize, cancel }),
      signal
    )
  }

  /**
   * Output shape of every node for one image, or as many as a pass must have.
   * @throws LrpError INVALID_ARGUMENT where the network takes images of any size and none was named
   */
  shapes(): Record<string, number[]> {
    if (this.graph.shapes) return this.graph.shapes
    const given = "the sizes of its layers depend on the image: set the image's shape (inputShape)"
    throw new LrpError('INVALID_ARGUMENT', `${this.name} takes images of any size, so ${given}`)
  }

  /** How many classes or values the network tells apart: its second axis. */
  outputs(): number {
    return this.shapes()[this.graph.output]![1]!
  }

  /** @throws LrpError INVALID_ARGUMENT where the number of outputs does not match the task */
  private checkTask(task: NonNullable<LoadOptions['task']>): void {
    if (task === 'regression' || !this.graph.shapes) return
    const outputs = this.outputs()
    if ((outputs === 1) === (task === 'binary')) return
    const why =
      outputs === 1
        ? 'the model has one output, which separates two classes: use binary'
        : `${this.name} has ${outputs} outputs`
    throw optionError('task', ` cannot be ${task}: ${why}`)
  }

  /** A copy of the weights by name. */
  async stateDict(): Promise<StateDict> {
    return new Map<string, RawTensor>(Object.entries(await callNative(() => this.handle.tensors())))
  }

  /** The network as data with its weights, as `Model.create` takes it. @throws LrpError DISPOSED */
  async toParts(): Promise<ModelParts> {
    const { removed: _, facts: __, source: ___, whole, inner, ...parts } = this.parts
    const layer = inner && !whole && { inner }
    return { ...parts, ...layer, graph: whole?.graph ?? this.graph, tensors: await this.stateDict() }
  }

  /**
   * Writes `model.json` and `weights.safetensors` into a folder.
   * @throws LrpError IO; INVALID_ARGUMENT where a `model.json` of something else is there
   */
  async save(folder: string): Promise<void> {
    await refuseOtherFiles(folder)
    await saveParts(folder, await this.toParts())
  }

  /** Frees the weights now; later calls reject with DISPOSED. Idempotent. */
  dispose(): void {
    for (const head of this.heads.values()) void head.then((model) => model.dispose()).catch(() => undefined)
    this.handle.dispose()
  }

  /** `dispose()` at the end of a block: `using model = await Model.load(...)`. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Where a model was loaded from. */
export interface ModelSource {
  /** Absolute for folders and files; the name of a published network. */
  path: string
  options: LoadOptions
}

type ModelClass<M extends Model> = new (...parts: ConstructorParameters<typeof Model>) => M

async function build<M extends Model>(
  Class: ModelClass<M>,
  parts: ModelParts & { source?: ModelSource },
  device = defaultDevice(),
  experiment?: Experiment,
  precision: Precision = 'fp32'
): Promise<M> {
  if (!(parts?.tensors instanceof Map) || !isGraph(parts.graph))
    throw new LrpError('INVALID_ARGUMENT', 'a model needs a name, a graph and a map of tensors')
  if (parts.tensors.has('__proto__')) throw new LrpError('UNSUPPORTED', `the name of a weight must not be '__proto__'`)
  checkTokens(parts.graph, precision)
  const { tensors, ...found } = await startingFromLogits(parts)
  const facts = await inferFacts(found.graph, tensors)
  const rest = leadingToOutput({ ...found, facts, graph: { ...found.graph, shapes: facts && shapesOf(facts) } })
  const handle = await callNative((addon) =>
    addon.Model.create(rest.graph, Object.fromEntries(tensors), device, precision)
  )
  const shapes = new Map(Array.from(tensors, ([name, { shape }]) => [name, shape]))
  return new Class(rest, handle, shapes, experiment, precision)
}

/** Half precision has no place for most numbers of tokens: another word would be looked up. */
function checkTokens(graph: Graph, precision: Precision): void {
  if ((precision === 'bf16' || precision === 'fp16') && tokenLookups(graph).length > 0)
    throw new LrpError('UNSUPPORTED', `tokens are whole numbers, which ${precision} cannot represent: use fp32 or fp64`)
}

/** The part of a network that leads to its output; the whole stays for other outputs. */
function leadingToOutput(parts: Model['parts']): Model['parts'] {
  const { graph: whole, facts } = parts
  if (!whole.outputs) return parts
  const graph = withHead(whole, whole.output)
  return { ...parts, graph, facts: factsOf(graph, facts), whole: { graph: whole, facts } }
}

function factsOf({ nodes }: Graph, facts: NodeFacts[] | undefined): NodeFacts[] | undefined {
  const names = new Set(nodes.map(({ name }) => name))
  return facts?.filter(({ name }) => names.has(name))
}

/** What is wrong with a network for images of a shape that the caller chose. */
function cannotTake({ name, graph }: ModelParts, cause: LrpError): LrpError {
  const shape = graph.inputShape.slice(1).join('x')
  const why = cause.message.split('\n')[0]
  return new LrpError('INVALID_ARGUMENT', `${name} cannot take inputs of ${shape}: ${why}`, { cause })
}

function isGraph(graph: Graph | null | undefined): boolean {
  const isNode = (node: unknown): boolean => typeof node === 'object' && node !== null
  return Array.isArray(graph?.nodes) && Array.isArray(graph.inputShape) && graph.nodes.every(isNode)
}

/** @throws LrpError INVALID_ARGUMENT for what is not a tensor */
export function checkTensor(input: Tensor | null | undefined): void {
  if (!Array.isArray(input?.shape) || !ArrayBuffer.isView(input.data))
    throw new LrpError(
      'INVALID_ARGUMENT',
      'the input must be a tensor, such as { data: Float32Array, shape: [batch, ...] }'
    )
}

/** @throws LrpError INVALID_ARGUMENT for what is not a model */
export function checkModel(model: unknown): void {
  const handle = (model as Model | null | undefined)?.handle
  if (typeof handle?.attribute !== 'function')
    throw new LrpError('INVALID_ARGUMENT', 'the first argument must be a Model')
}

async function startingFromLogits<P extends ModelParts>(parts: P): Promise<P & { removed?: FinalActivation }> {
  const { graph, tensors } = parts
  return asTask(
    parts,
    await withoutFinalActivation(graph, async () => shapesOf((await inferFacts(graph, tensors)) ?? []))
  )
}
