import { open, type FileHandle } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { z } from 'zod'
import { LrpError } from '../../core/errors.js'
import { ioError } from '../../core/files.js'
import { DTYPE_SIZE, sizeOf, type DType, type StateDict } from '../../core/tensor.js'
import type { AttributeValue, ModelParts } from '../../core/graph.js'
import { ATEN, type AtenCall } from './aten.js'
import { Draft } from './draft.js'
import { MOST_SHARING, readPytorchRange, swollen } from './pytorch.js'
import { readRange, ZipArchive } from './zip.js'

/** Weights and constants as PyTorch before 2.9 saves them; later each lies in an entry of its own. */
const PICKLED = /(^|\/)(serialized_(state_dict|constants)|data\/(weights|constants)\/[^/]+)\.pt$/
const LARGEST_GRAPH = 128 << 20
/** The numbers of torch's serialised `ScalarType`. */
const DTYPES: Record<number, DType> = {
  1: 'u8',
  2: 'i8',
  3: 'i16',
  4: 'i32',
  5: 'i64',
  6: 'f16',
  7: 'f32',
  8: 'f64',
  12: 'bool',
  13: 'bf16'
}

const argument = z.record(z.string(), z.unknown())
type Argument = z.infer<typeof argument>
const meta = z.object({ dtype: z.number(), sizes: z.array(argument) })
const schema = z.object({
  graph_module: z.object({
    graph: z.object({
      nodes: z.array(
        z.object({
          target: z.string(),
          inputs: z.array(z.object({ name: z.string(), arg: argument })),
          outputs: z.array(argument),
          metadata: z.record(z.string(), z.string()).optional()
        })
      ),
      outputs: z.array(argument),
      tensor_values: z.record(z.string(), meta)
    }),
    signature: z.object({ input_specs: z.array(z.record(z.string(), z.unknown())) })
  })
})
type Program = z.infer<typeof schema>['graph_module']
type ProgramNode = Program['graph']['nodes'][number]

/**
 * Reads a `.pt2` archive of `torch.export.save`, graph and weights (the formats of PyTorch 2.5 to 2.11).
 * @throws LrpError INVALID_FILE, UNSUPPORTED naming node and op, NOT_FOUND, IO
 */
export async function importPt2(path: string): Promise<ModelParts> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const archive = await ZipArchive.open({ file, path, start: 0, length: (await file.stat()).size })
    const graphName =
      archive.names.find((name) => /(^|\/)models\/[^/]+\.json$/.test(name)) ??
      archive.find('serialized_exported_program.json')
    if (!graphName) throw new LrpError('INVALID_FILE', `${path} holds no exported program of PyTorch`)
    const program = parse(schema, await archive.read(graphName, LARGEST_GRAPH), path).graph_module
    const tensors = await readWeights(archive, path)
    return { name: basename(path, extname(path)), ...new Translation(program, tensors, path).run() }
  } catch (cause) {
    throw ioError(cause, `cannot read ${path}`)
  } finally {
    await file?.close()
  }
}

function parse<T>(type: z.ZodType<T>, bytes: Uint8Array, path: string): T {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw new LrpError('INVALID_FILE', `${path} is damaged: a part of it is no JSON`)
  }
  const result = type.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new LrpError('INVALID_FILE', `${path} is damaged: ${issue.path.join('.')}: ${issue.message}`)
}

const size = z.object({ as_int: z.int().nonnegative() })
const weightsSchema = z.object({
  config: z.record(
    z.string(),
    z.object({
      path_name: z.string(),
      use_pickle: z.boolean().optional(),
      tensor_meta: z.object({
        dtype: z.number(),
        sizes: z.array(size),
        strides: z.array(size),
        storage_offset: size
      })
    })
  )
})

async function readWeights(archive: ZipArchive, path: string): Promise<StateDict> {
  const tensors: StateDict = new Map()
  let total = 0
  for (const name of archive.names.filter((one) => PICKLED.test(one))) {
    const range = await archive.entry(name)
    if (range.length > 0) for (const [key, one] of await readPytorchRange(range, true)) tensors.set(key, one)
  }
  const configs = archive.names.filter((name) => /_(weights|constants)_config\.json$/.test(name))
  for (const configName of configs) {
    const folder = configName.slice(0, configName.lastIndexOf('/') + 1)
    const { config } = parse(weightsSchema, await archive.read(configName, LARGEST_GRAPH), path)
    for (const [name, { path_name, tensor_meta, use_pickle }] of Object.entries(config)) {
      const dtype = DTYPES[tensor_meta.dtype]
      const shape = tensor_meta.sizes.map((one) => one.as_int)
      const strides = tensor_meta.strides.map((one) => one.as_int)
      if (!dtype) throw new LrpError('UNSUPPORTED', `${path}: the weight '${name}' has an unknown number type`)
      if (use_pickle || !isRowMajor(shape, strides)) {
        throw new LrpError('UNSUPPORTED', `${path}: the weight '${name}' is not stored row by row`)
      }
      const range = await archive.entry(folder + path_name)
      const bytes = DTYPE_SIZE[dtype]
      total += sizeOf(shape) * bytes
      if (total > MOST_SHARING * archive.size) throw swollen(path)
      const data = await readRange(range, tensor_meta.storage_offset.as_int * bytes, sizeOf(shape) * bytes)
      tensors.set(name, { dtype, shape, data })
    }
  }
  return tensors
}

function isRowMajor(shape: number[], strides: number[]): boolean {
  let expected = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i]! > 1 && strides[i] !== expected) return false
    expected *= shape[i]!
  }
  return true
}

/** From aten calls to nodes. */
class Translation {
  private readonly draft = new Draft()
  /** Value name of the program to node, or weight. */
  private readonly nodes = new Map<string, string>()
  private readonly weights = new Map<string, string>()
  private inputShape: (number | null)[] | undefined
  /** The batch size that a program without a dynamic batch was exported for. */
  private fixedBatch: number | undefined

  constructor(
    private readonly program: Program,
    private readonly tensors: StateDict,
    private readonly path: string
  ) {}

  run() {
    for (const spec of this.program.signature.input_specs) this.readSpec(spec)
    if (!this.inputShape) throw this.invalid('it has no input')
    for (const node of this.program.graph.nodes) this.translate(node)
    if (this.program.graph.outputs.length !== 1) {
      throw new LrpError('UNSUPPORTED', `${this.path}: a model must have one output`)
    }
    const output = this.nodes.get(nameOf(this.program.graph.outputs[0]!) ?? '')
    if (!output || output === 'input') throw this.invalid('its output is no node')
    return this.draft.finish([null, ...this.inputShape.slice(1)], output)
  }

  private readSpec(spec: Record<string, unknown>): void {
    const [kind, body] = Object.entries(spec)[0] ?? []
    const { arg, ...names } = (body ?? {}) as Record<string, unknown>
    const name = nameOf(arg as Argument) ?? (arg as { name?: string } | undefined)?.name
    if (!name) return
    if (kind === 'user_input') {
      if (this.inputShape) throw new LrpError('UNSUPPORTED', `${this.path}: a model must have one input`)
      this.inputShape = this.shape(name)
      this.fixedBatch = this.inputShape[0] ?? undefined
      this.nodes.set(name, 'input')
      return
    }
    const weight = Object.entries(names).find(([key]) => key.endsWith('_name'))?.[1]
    const tensor = typeof weight === 'string' ? this.tensors.get(weight) : undefined
    if (typeof weight !== 'string' || !tensor) throw this.invalid(`the weight '${weight}' is missing`)
    this.weights.set(name, weight)
    this.draft.tensors.set(weight, tensor)
  }

  private translate(node: ProgramNode): void {
    const { target } = node
    const outputs = node.outputs.flatMap((one) => namesOf(one))
    if (target.includes('sym_size') || target.startsWith('_operator.') || outputs.length === 0) {
      if (target.includes('getitem')) throw this.unsupported(outputs[0] ?? target, target)
      return // sizes: shapes stand in the file beside every value
    }
    const op = target
      .replace(/^torch\.ops\.aten\./, '')
      .split('.')[0]!
      .replace(/(?<=[a-z0-9])_$/, '')
    const handler = Object.hasOwn(ATEN, op) && target.startsWith('torch.ops.aten.') ? ATEN[op] : undefined
    if (!handler) throw this.unsupported(outputs[0]!, target)
    const made = handler(this.call(node, op, outputs[0]!), this.draft)
    const results = typeof made === 'string' ? [made] : made
    outputs.forEach((name, i) => results[i] !== undefined && this.nodes.set(name, results[i]!))
  }

  private call(node: ProgramNode, op: string, output: string): AtenCall {
    const fail = (why: string) =>
      new LrpError('UNSUPPORTED', `${this.path}: the node '${output}' (${node.target}) cannot be imported: ${why}`)
    const find = (name: string) => node.inputs.find((one) => one.name === name)?.arg
    const asInput = (name: string | undefined): string => {
      if (name !== undefined && this.nodes.has(name)) return this.nodes.get(name)!
      if (name !== undefined && this.weights.has(name)) return this.draft.constant(this.weights.get(name)!)
      throw this.invalid(`the node '${output}' reads '${name}', which does not stand before it`)
    }
    return {
      op,
      name: moduleName(node, output),
      has: (name) => find(name) !== undefined,
      input: (name) => asInput(nameOf(find(name) ?? {})),
      inputs: (name) => namesOf(find(name) ?? {}).map(asInput),
      weight: (name) => {
        const value = nameOf(find(name))
        if (value !== undefined && !this.weights.has(value)) throw fail(`its ${name} is computed`)
        return value === undefined ? undefined : this.weights.get(value)
      },
      isWeight: (name) => this.weights.has(nameOf(find(name)) ?? ''),
      value: (name) => valueOf(find(name)),
      numbers: (name) => {
        const { dtype, data } = this.tensors.get(this.weights.get(nameOf(find(name) ?? {}) ?? '') ?? '') ?? {}
        return dtype === 'f32' && data!.length < 1 << 16
          ? Array.from(new Float32Array(data!.slice().buffer))
          : undefined
      },
      inputShape: (name) => this.shape(nameOf(find(name) ?? {}) ?? ''),
      outputShape: this.shape(output),
      fail
    }
  }

  private shape(name: string): (number | null)[] {
    const known = this.program.graph.tensor_values[name]
    if (!known) throw this.invalid(`the shape of '${name}' is missing`)
    const shape = known.sizes.map((axis) => (typeof axis.as_int === 'number' ? axis.as_int : null))
    const isBatch = this.fixedBatch !== undefined && shape[0] === this.fixedBatch && !this.weights.has(name)
    return isBatch ? [null, ...shape.slice(1)] : shape
  }

  private invalid(why: string): LrpError {
    return new LrpError('INVALID_FILE', `${this.path} is no usable exported program: ${why}`)
  }

  private unsupported(node: string, target: string): LrpError {
    return new LrpError('UNSUPPORTED', `${this.path}: the node '${node}' uses ${target}, which cannot be imported`)
  }
}

function nameOf(argument: Argument | undefined): string | undefined {
  return (argument?.as_tensor as { name?: string } | undefined)?.name
}

function namesOf(argument: Argument): string[] {
  const many = argument.as_tensors as { name: string }[] | undefined
  const one = nameOf(argument)
  return many ? many.map(({ name }) => name) : one === undefined ? [] : [one]
}

function valueOf(argument: Argument | undefined): AttributeValue | undefined {
  for (const [kind, value] of Object.entries(argument ?? {})) {
    if (/^as_(int|float|bool|string|ints|floats)$/.test(kind)) return value as AttributeValue
    if (kind === 'as_sym_int') return valueOf(value as Argument)
    if (kind === 'as_sym_ints') return (value as Argument[]).map((one) => (valueOf(one) as number | undefined) ?? -1)
  }
  return undefined
}

/** The module's path where the call is a module's, else the name of the value. */
function moduleName(node: ProgramNode, output: string): string {
  const innermost = node.metadata?.nn_module_stack?.split(';').at(-1)?.split(',')
  const [, path, type] = innermost ?? []
  const isLayer = /^torch\.nn\.modules\.(?!container|activation\.Multihead)/.test(type ?? '')
  return isLayer && path ? path.replace(/@\d+/g, '') : output
}
