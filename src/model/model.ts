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
import { checkTensor, checkTokens, isGraph } from './check-arguments.js'
import { checkClasses } from './classes.js'
import { checkStoredShapes, inferFacts, shapesOf } from './facts.js'
import { asTask, withoutFinalActivation, type FinalActivation } from './final-activation.js'
import { isInner, withHead } from './heads.js'
import { rowsOfBatch } from './further-inputs.js'
import { inputKind, placesOf, planesOf, type InputKind } from './input-kind.js'
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
  /** For internal use: `load` and `create` build models. */
  constructor(
    /** Graph, names and preprocessing, as `save` writes them; C++ stores the weights. */
    readonly parts: Omit<ModelParts, 'tensors'> & {
      removed?: FinalActivation
      facts?: NodeFacts[]
      /** The network with all its outputs, if it has several. */
      whole?: { graph: Graph; facts?: NodeFacts[] }
      /** For a loaded model, the arguments of `load`: folder, file or published network, and options. */
      source?: ModelSource
    },
    /** The C++ object, for internal use. */
    readonly handle: NativeModel,
    /** Shapes of the weights by name. */
    readonly parameterShapes: ReadonlyMap<string, readonly number[]>,
    /** The experiment of the model. Its data set, patterns and folders are the defaults of other functions. */
    readonly experiment?: Experiment,
    /** Precision of the computations. */
    readonly precision: Precision = 'fp32'
  ) {}

  /**
   * Loads an experiment, a saved model, or a model file of another tool (docs/models.md).
   * @param path folder, file or name of an experiment; by default, the newest experiment
   * @throws LrpError NOT_FOUND, INVALID_FILE, UNSUPPORTED, NUMERIC (weights are not finite), DEVICE
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
   * Builds a model from its parts. On the CPU, the model uses the weights without copying them, so do not change them
   * afterwards. A final softmax or sigmoid is removed, because explanations start from logits (see `removed`).
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
  /** The arguments of `load`; undefined for a model that a program created. */
  get source(): ModelSource | undefined {
    return this.parts.source
  }
  /** The network as nodes and connections. */
  get graph(): Graph {
    return this.parts.graph
  }
  /** Meaning of the outputs: classes, independent labels, one of two classes, or values. */
  get task(): Task {
    return this.parts.task ?? 'classification'
  }
  /** True if the outputs are numbers without probabilities: values of a regression, or units of a layer. */
  get givesValues(): boolean {
    return this.task === 'regression' || this.isInner
  }
  /** True if the output is an inner layer of the network, whose numbers are units. */
  get isInner(): boolean {
    return this.parts.inner === true
  }
  /**
   * True if the classes are independent: the probability of each class is the sigmoid of its logit. Otherwise, the
   * classes share a softmax.
   */
  get multilabel(): boolean {
    return this.parts.multilabel === true && !this.givesValues
  }
  /** The final softmax or sigmoid that was removed from the network. */
  get removed(): FinalActivation | undefined {
    return this.parts.removed
  }
  /** Noun for one number of the output, for example class. */
  get outputNoun(): string {
    return outputNoun(this, this.graph.shapes?.[this.graph.output])
  }
  /**
   * Returns the meaning of this number of outputs: one of several classes, one of two classes with a single logit,
   * independent classes, values, or units of a layer.
   */
  outputKind(outputs: number): OutputKind {
    return outputKind(this, outputs)
  }
  /** Layout of arrays in the model file. The network itself takes [batch, channels, height, width]. */
  get layout(): Layout {
    return this.parts.layout ?? 'nchw'
  }
  private kind: InputKind | undefined
  /** Models of other outputs, over the same weights. */
  private readonly heads = new Map<string | number, Promise<Model>>()

  /**
   * Returns a model with another output of the same network. Both models share the weights, so training changes both.
   * Disposing of this model also disposes of the returned model.
   * @param head number or name of an output in the file, or name of a layer
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

  /** Names of the classes, or of the values for regression. */
  get classes(): string[] | undefined {
    return this.parts.classes
  }
  /** Preprocessing of images; undefined if the model file does not define it. */
  get preprocessing(): Preprocessing | undefined {
    return this.parts.preprocessing
  }
  /** Device of the model: `cpu`, `cuda:0`, ... @throws LrpError DISPOSED */
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
  /** Kind of the input, as the graph defines it: an image, a signal, a volume, a row of a table, or tokens. */
  get inputKind(): InputKind {
    return (this.kind ??= inputKind(this.graph))
  }
  /** Values of black and white after preprocessing, for each channel. */
  get inputRange(): { low: number[]; high: number[] } | undefined {
    return this.preprocessing && inputRange(this.preprocessing)
  }

  /** Returns the default folder for results: inside the experiment's folder, otherwise inside the current folder. */
  resultFolder(...parts: string[]): string {
    return this.experiment?.path(...parts) ?? join(...parts)
  }

  /** Returns the name of a class, or its number if the names are unknown. */
  className(index: number): string {
    return this.classes?.[index] ?? String(index)
  }

  /**
   * Shape of one input with the channels first: [channels, ...places]. A row of a table, and tokens, have one channel.
   */
  get places(): number[] {
    return placesOf(this.imageShape, this.inputKind)
  }
  /**
   * Shape of one input as two-dimensional planes. A signal has height 1; the slices of a volume are stacked vertically.
   */
  get planes(): [channels: number, height: number, width: number] {
    return planesOf(this.places)
  }
  /** Returns the word of a token or the name of a table's column, or the number if there is no name. */
  wordFor(index: number): string {
    return this.parts.vocabulary?.[index] ?? String(index)
  }

  /**
   * Computes the logits of a batch.
   * @param input preprocessed input [batch, ...], in the layout of the network or of its file
   * @returns [batch, classes]
   */
  async forward(input: Tensor, options: z.input<typeof forwardOptions> = {}): Promise<Tensor> {
    const { signal, ...given } = checkOptions(forwardOptions, options)
    checkTensor(input)
    const batchSize = this.fixedBatch(input) ?? given.batchSize ?? input.shape[0]!
    return (await this.run(input, { batchSize, replace: given.replace }, signal)).output
  }

  /**
   * Returns the number of images that each pass must have, if the file was exported for this number and mixes the
   * images (see docs/models.md).
   * @throws LrpError INVALID_ARGUMENT if the number of images is not a multiple of this number
   */
  fixedBatch({ shape }: Pick<Tensor, 'shape'>): number | undefined {
    const [images] = this.graph.inputShape
    if (typeof images !== 'number' || shape[0]! % images === 0) return images ?? undefined
    const given = `the input has ${counted(shape[0]!, 'image')}`
    throw new LrpError('INVALID_ARGUMENT', `${this.name} was exported for batches of ${images} images, but ${given}`)
  }

  /**
   * Returns the nodes that are folded into other nodes before an explanation, because this is exact: batch norms, and
   * convolutions whose outputs are added.
   */
  async folded(): Promise<string[]> {
    return callNative(() => this.handle.folded())
  }

  /** Returns the outputs of the named layers in the original network, without folding. */
  async outputsOf(input: Tensor, layers: string[], signal?: AbortSignal): Promise<Record<string, Tensor>> {
    checkTensor(input)
    return (await this.run(input, { batchSize: input.shape[0]!, layers, asWritten: true }, signal)).layers
  }

  /**
   * Returns the outputs of the named layers in the network that is explained. The output of a layer includes the batch
   * norm that is folded into it.
   */
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
    const fixedBatch = typeof this.graph.inputShape[0] === 'number'
    return callNative(
      (_, cancel) => this.handle.forward(asNetwork(this, input), { ...all, inputs, batchSize, fixedBatch, cancel }),
      signal
    )
  }

  /**
   * Returns the output shape of every node for one image, or for the number of images that a pass must have.
   * @throws LrpError INVALID_ARGUMENT if the network accepts images of any size and no size was set
   */
  shapes(): Record<string, number[]> {
    if (this.graph.shapes) return this.graph.shapes
    const given = "the sizes of its layers depend on the image: set the image's shape (inputShape)"
    throw new LrpError('INVALID_ARGUMENT', `${this.name} takes images of any size, so ${given}`)
  }

  /** Returns the number of outputs, such as classes or values: the length of the second axis of the output. */
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

  /** Returns a copy of the weights by name. */
  async stateDict(): Promise<StateDict> {
    return new Map<string, RawTensor>(Object.entries(await callNative(() => this.handle.tensors(true))))
  }

  /** Returns the network and its weights as data, which `Model.create` accepts. @throws LrpError DISPOSED */
  async toParts(): Promise<ModelParts> {
    const { removed: _, facts: __, source: ___, whole, inner, ...parts } = this.parts
    const layer = inner && !whole && { inner }
    return { ...parts, ...layer, graph: whole?.graph ?? this.graph, tensors: await this.stateDict() }
  }

  /**
   * Writes `model.json` and `weights.safetensors` into a folder.
   * @throws LrpError IO; INVALID_ARGUMENT if the folder contains a `model.json` of another program
   */
  async save(folder: string): Promise<void> {
    await refuseOtherFiles(folder)
    await saveParts(folder, await this.toParts())
  }

  /** Frees the weights immediately. Later calls reject with DISPOSED. You can call it more than once. */
  dispose(): void {
    for (const head of this.heads.values()) void head.then((model) => model.dispose()).catch(() => undefined)
    this.handle.dispose()
  }

  /** Calls `dispose()` at the end of a block: `using model = await Model.load(...)`. */
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

async function startingFromLogits<P extends ModelParts>(parts: P): Promise<P & { removed?: FinalActivation }> {
  const { graph, tensors } = parts
  return asTask(
    parts,
    await withoutFinalActivation(graph, async () => shapesOf((await inferFacts(graph, tensors)) ?? []))
  )
}
