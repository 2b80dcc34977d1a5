import { deserialize, serialize } from 'node:v8'
import { LrpError, type ErrorCode } from '../core/errors.js'
import { callNative, native } from '../native/addon.js'
import type { NativeProcessGroup } from '../native/handles.js'
import { checkOptions } from '../core/options.js'
import { defaultDevice } from '../core/paths.js'
import { peerOptions, type ProcessGroupOptions } from './options.js'

/** Rank of this process, and the address of the process group. */
export interface Ranks {
  /** Number of this process, from 0. */
  rank: number
  /** Number of processes. */
  size: number
  /** Number of this process on its machine, from 0; selects its CUDA device. */
  localRank: number
  /** Host of the process with rank 0. */
  address: string
  /** TCP port of the process with rank 0. */
  port: number
}

type Environment = Record<string, string | undefined>

/** What launchers call rank, size and local rank: torchrun, Slurm's srun, Open MPI's mpirun. */
const LAUNCHERS = [
  ['RANK', 'WORLD_SIZE', 'LOCAL_RANK'],
  ['SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'],
  ['OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK']
] as const

/**
 * Reads the ranks from environment variables: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun
 * sets them. If MASTER_ADDR is set, it also reads the variables of Slurm and Open MPI. Returns undefined for a single
 * process.
 * @throws LrpError INVALID_ARGUMENT naming the variable that is missing or wrong
 */
export function ranksOf(env: Environment = process.env): Ranks | undefined {
  const address = env.MASTER_ADDR
  const launcher = LAUNCHERS.find(
    ([rank, size], i) => env[size] !== undefined && env[rank] !== undefined && (i === 0 || address)
  )
  if (!launcher) {
    const half = ['RANK', 'WORLD_SIZE'].find((name) => env[name] !== undefined)
    if (half)
      throw new LrpError('INVALID_ARGUMENT', `only one of the variables RANK and WORLD_SIZE is set (${half}): set both`)
    return undefined
  }
  const [rankName, sizeName, localName] = launcher
  const size = whole(env, sizeName, 1)
  const rank = whole(env, rankName, 0, size - 1)
  if (size === 1) return undefined
  if (!address)
    throw new LrpError('INVALID_ARGUMENT', `the variable ${sizeName} is ${size}, but MASTER_ADDR is not set`)
  const localRank = env[localName] === undefined ? rank : whole(env, localName, 0)
  return { rank, size, localRank, address, port: whole({ MASTER_PORT: '29500', ...env }, 'MASTER_PORT', 1, 65535) }
}

function whole(env: Environment, name: string, least: number, most = 1e6): number {
  const value = Number(env[name])
  if (/^\d+$/.test(env[name]!) && value >= least && value <= most) return value
  throw new LrpError('INVALID_ARGUMENT', `${name} must be a whole number from ${least} to ${most}, not '${env[name]}'`)
}

/**
 * Connects to the other processes that the environment variables describe (`ranksOf`). Returns undefined for a single
 * process. Pass the group to `train`, `finetune`, `testModel` and `explainToFiles`. Every process must call these
 * functions in the same order with the same options. As in PyTorch, the communication is neither encrypted nor
 * authenticated.
 * @throws LrpError INVALID_ARGUMENT, PEER if the processes do not connect in time, UNSUPPORTED if libtorch has no Gloo
 */
export async function joinProcessGroup(options: ProcessGroupOptions = {}): Promise<ProcessGroup | undefined> {
  const { peerTimeout, env = process.env } = checkOptions(peerOptions, options)
  const ranks = ranksOf(env)
  if (!ranks) return undefined
  const handle = new (native().ProcessGroup)({
    ...ranks,
    timeout: peerTimeout,
    networkInterface: env.GLOO_SOCKET_IFNAME ?? '',
    launcherHosts: env.TORCHELASTIC_USE_AGENT_STORE === 'True',
    prefix: `lrp-native/${env.TORCHELASTIC_RESTART_COUNT ?? 0}`
  })
  await callNative(() => handle.connect())
  return new ProcessGroup(ranks, handle)
}

/** What a process tells the others: a value, or why it has none. */
type Outcome<T> = { value: T } | { error: { code: ErrorCode; message: string } }

/** A group of processes that compute together. All of them must call the same methods in the same order. */
export class ProcessGroup {
  constructor(
    private readonly ranks: Ranks,
    /** The C++ object, for internal use. */
    readonly handle: NativeProcessGroup
  ) {}

  /** Number of this process, from 0. */
  get rank(): number {
    return this.ranks.rank
  }
  /** Number of processes. */
  get size(): number {
    return this.ranks.size
  }

  /**
   * Returns the part of `count` work items that this process computes: the first index, and the index after the last.
   */
  share(count: number): [number, number] {
    const { rank, size } = this.ranks
    return [Math.floor((count * rank) / size), Math.floor((count * (rank + 1)) / size)]
  }

  /**
   * Returns the values of all processes, ordered by rank. A value can be a number, a string, a typed array, or an
   * object of these.
   * @throws LrpError PEER
   */
  async gather<T>(value: T): Promise<T[]> {
    const all = await callNative(() => this.handle.gather(serialize(value)))
    return all.map((bytes) => deserialize(bytes) as T)
  }

  /**
   * Calls `make` on rank 0 and returns its result on every process. If `make` throws, every process throws the same
   * error.
   */
  async fromFirst<T>(make: () => Promise<T>): Promise<T> {
    const own = this.rank === 0 ? await outcome(make) : undefined
    const [first] = await this.gather(own)
    if ('error' in first!) throw new LrpError(first.error.code, first.error.message)
    return first!.value
  }

  /**
   * Checks that all processes pass the same text.
   * @throws LrpError INVALID_ARGUMENT on every process if the texts differ
   */
  async agree(what: string, text: string): Promise<void> {
    const all = await this.gather(text)
    const other = all.findIndex((one) => one !== all[0])
    if (other < 0) return
    throw new LrpError(
      'INVALID_ARGUMENT',
      `all processes must have the same ${what}, but rank ${other} differs from rank 0`
    )
  }

  /**
   * Agrees with all processes on the library that exchanges gradients on a device. Returns `NCCL`, or `Gloo` and, on
   * CUDA, the reason.
   * @throws LrpError PEER
   */
  async prepare(device: string): Promise<string> {
    const transport = await callNative(() => this.handle.prepare(device))
    return device === 'cpu' ? 'Gloo' : transport
  }

  /** Returns the CUDA device of this process for `cuda` and `auto`, and any other name unchanged. */
  device(name = defaultDevice()): string {
    if (name !== 'cuda' && name !== 'auto') return name
    const { devices } = native().enableCuda()
    return devices[this.ranks.localRank % devices.length] ?? name
  }
}

async function outcome<T>(make: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await make() }
  } catch (error) {
    const { code, message } = error as LrpError
    return { error: { code: code ?? 'NATIVE', message } }
  }
}

/** At most `most` images a pass, fewer where that leaves processes idle. */
export function batchFor(most: number, total: number, group?: ProcessGroup): number {
  return Math.max(1, Math.min(most, Math.ceil(total / (group?.size ?? 1))))
}

/** The images from the first up to before the second that this process takes: whole batches, as one process has them. */
export function shareOfImages(total: number, batchSize: number, group?: ProcessGroup): [number, number] {
  const [first, last] = group?.share(Math.ceil(total / batchSize)) ?? [0, Infinity]
  return [Math.min(total, first * batchSize), Math.min(total, last * batchSize)]
}
