import { existsSync, lstatSync, readFileSync, readdirSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import * as z from 'zod'
import { LrpError } from '../core/errors.js'
import { ioError, makeFolder, writeAtomic } from '../core/files.js'
import { unknownName } from '../core/suggest.js'
import { isLock, lockFolder, unlockFolder } from './lock.js'

/** The default folder with the experiments. */
export const EXPERIMENTS = 'experiments'
const MANIFEST = 'experiment.json'

const manifestSchema = z.looseObject({
  format: z.literal('lrp-native-experiment'),
  version: z.literal(1),
  created: z.string(),
  command: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.string())
})

/** Content of `experiment.json`: settings, versions, seed, fingerprint of the data set, results. */
export type Manifest = z.infer<typeof manifestSchema>

/** An experiment: the folder of one training run. */
export class Experiment {
  private lock?: string

  /** For internal use: `train` creates experiments. */
  constructor(
    /** Path of the folder. */
    readonly folder: string,
    /** Content of `experiment.json`. */
    public manifest: Manifest,
    /** True if an earlier experiment of this name was removed from the folder. */
    readonly emptied = false
  ) {}

  /** Name of the folder. */
  get name(): string {
    return relative(resolve(this.folder, '..'), this.folder)
  }

  /** Returns a path inside the experiment's folder. */
  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  /**
   * Locks the folder against other runs until `release`.
   * @throws LrpError INVALID_ARGUMENT while another run has locked it
   */
  hold(): void {
    this.lock ??= lockFolder(this.folder)
    if (this.lock === undefined)
      throw new LrpError('INVALID_ARGUMENT', `the experiment ${this.folder} is in use: another run is writing to it`)
  }

  /** Unlocks the folder. */
  release(): void {
    if (this.lock !== undefined) unlockFolder(this.lock)
    this.lock = undefined
  }

  /** Adds fields to the manifest and writes it. @throws LrpError IO */
  async record(more: Record<string, unknown>): Promise<void> {
    this.manifest = { ...this.manifest, ...more }
    await writeAtomic(this.path(MANIFEST), JSON.stringify(this.manifest, null, 2) + '\n')
  }
}

/**
 * Creates and locks the folder of a new experiment. If the name is taken, it appends `_1`, `_2`, ...
 * @param mayEmpty whether the user chose the name. If so, and if the name contains `dev`, an earlier experiment of that
 * name is removed first. A folder is emptied only if it is an unlocked experiment of lrp-native inside the root and not
 * behind a symbolic link.
 * @throws LrpError INVALID_ARGUMENT for a name that is not a plain folder name, IO
 */
export async function createExperiment(
  name: string,
  manifest: Omit<Manifest, 'format' | 'version' | 'created'>,
  root = EXPERIMENTS,
  mayEmpty = false
): Promise<Experiment> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u.test(name) || name.includes('..')) {
    throw new LrpError(
      'INVALID_ARGUMENT',
      `the experiment name '${name}' must contain only letters, digits, '.', '_' and '-'`
    )
  }
  await makeFolder(root)
  const full = {
    format: 'lrp-native-experiment',
    version: 1,
    created: new Date().toISOString(),
    ...manifest
  } as Manifest
  const experiment =
    (mayEmpty && name.includes('dev') ? emptied(join(root, name), full) : undefined) ?? (await fresh(root, name, full))
  try {
    await experiment.record({})
  } catch (error) {
    experiment.release()
    rmSync(experiment.folder, { recursive: true, force: true }) // nothing is in it yet
    throw error
  }
  return experiment
}

/** An earlier experiment's folder, emptied and held; undefined if it must not be touched. */
function emptied(folder: string, manifest: Manifest): Experiment | undefined {
  if (!reusable(folder)) return undefined
  const experiment = new Experiment(folder, manifest, true)
  try {
    experiment.hold()
  } catch {
    return undefined
  }
  empty(folder)
  return experiment
}

async function fresh(root: string, name: string, manifest: Manifest): Promise<Experiment> {
  for (let i = 0; ; i++) {
    const experiment = new Experiment(join(root, i === 0 ? name : `${name}_${i}`), manifest)
    try {
      await mkdir(experiment.folder)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw ioError(cause, `cannot make the folder ${experiment.folder}`)
    }
    try {
      experiment.hold()
      return experiment
    } catch (error) {
      rmdirSync(experiment.folder)
      throw error
    }
  }
}

/** A real folder, not a link, directly below the real root, that holds our manifest. */
function reusable(folder: string): boolean {
  if (!existsSync(folder) || !lstatSync(folder).isDirectory()) return false
  if (
    realpathSync(folder) !== join(realpathSync(resolve(folder, '..')), relative(resolve(folder, '..'), resolve(folder)))
  )
    return false
  return readManifest(folder) !== undefined
}

/** The manifest goes last: a folder that is only half emptied is still known to be ours. */
function empty(folder: string): void {
  const names = readdirSync(folder).filter((name) => name !== MANIFEST && !isLock(name))
  for (const name of [...names, MANIFEST]) rmSync(join(folder, name), { recursive: true, force: true })
}

function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, MANIFEST)
  if (!existsSync(path) || lstatSync(path).isSymbolicLink()) return undefined
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

/** Lists the names of the experiments in a root folder, newest first. */
export function listExperiments(root = EXPERIMENTS): string[] {
  if (!existsSync(root) || !statSync(root).isDirectory()) return []
  const found = readdirSync(root).flatMap((name) => {
    const manifest = readManifest(join(root, name))
    return manifest ? [{ name, created: manifest.created }] : []
  })
  return found.sort((a, b) => b.created.localeCompare(a.created)).map((one) => one.name)
}

/** The folder of an experiment that is named by its folder or its name; undefined if there is none. */
export function findExperiment(nameOrFolder: string, root = EXPERIMENTS): string | undefined {
  return [nameOrFolder, join(root, nameOrFolder)].find((path) => existsSync(join(path, MANIFEST)))
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Opens an experiment by its folder or name. @throws LrpError NOT_FOUND, INVALID_FILE */
export async function openExperiment(nameOrFolder: string, root = EXPERIMENTS): Promise<Experiment> {
  const folder = findExperiment(nameOrFolder, root)
  if (!folder) {
    const other = [nameOrFolder, join(root, nameOrFolder)].find((path) => isFolder(path))
    if (other !== undefined) throw new LrpError('NOT_FOUND', `${other} is not an experiment: it has no ${MANIFEST}`)
    if (isAbsolute(nameOrFolder) || /[\\/]/.test(nameOrFolder))
      throw new LrpError('NOT_FOUND', `the path ${nameOrFolder} does not exist or contains no model`)
    const names = listExperiments(root)
    const error = unknownName('experiment or file', nameOrFolder, names)
    throw new LrpError(
      'NOT_FOUND',
      names.length > 0 ? error.message : `there is no experiment or file '${nameOrFolder}'`
    )
  }
  try {
    return new Experiment(folder, manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'))))
  } catch (cause) {
    throw new LrpError('INVALID_FILE', `the file ${join(folder, MANIFEST)} is damaged`, { cause })
  }
}

/**
 * Lists the names of the experiments in a root folder, newest first.
 * @throws LrpError NOT_FOUND with what to do if there is none
 */
export function requireExperiments(root = EXPERIMENTS): string[] {
  const names = listExperiments(root)
  if (names.length > 0) return names
  throw new LrpError(
    'NOT_FOUND',
    `there is no experiment in ${root}: run "npx lrp-native train" first, or pass a model file or folder`
  )
}

/** Opens the newest experiment. @throws LrpError NOT_FOUND if there is no experiment; the message says what to do. */
export async function newestExperiment(root = EXPERIMENTS): Promise<Experiment> {
  return openExperiment(join(root, requireExperiments(root)[0]!))
}
