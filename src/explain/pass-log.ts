import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError, writeAtomic } from '../files.js'
import type { Model } from '../model/model.js'
import type { ExplainOptions, Explanation } from './explain.js'
import type { Inputs } from './inputs.js'
import type { PassSummary } from './summary.js'

/** What says that two runs are the same beside the rules, the images' names and the first image's logits. */
const SETTINGS =
  'target together start layers topK batchSize steps noise window stride camLayer seed format views heatmap'

/** What a run over many images has done, one line per pass, so that one that was stopped can go on. */
export class PassLog {
  private constructor(private readonly path: string) {}

  /**
   * The passes that a stopped run with the same key has done; an empty log where there was none, or it cannot be gone on with.
   * @throws LrpError IO
   */
  static async open(folder: string, key: string, usable: boolean): Promise<{ log: PassLog; done: PassSummary[] }> {
    const path = join(folder, '.explain.passes.jsonl')
    const lines = usable && existsSync(path) ? (await readFile(path, 'utf8')).split('\n') : []
    const done: PassSummary[] = []
    if (lines[0] === key) {
      for (const line of lines.slice(1, -1)) {
        const pass = parsed(line)
        if (!pass) break
        done.push(pass)
      }
    }
    await writeAtomic(path, [key, ...done.map((pass) => JSON.stringify(pass)), ''].join('\n'))
    return { log: new PassLog(path), done }
  }

  /** After everything else of a pass is written. @throws LrpError IO */
  async add(pass: PassSummary): Promise<void> {
    try {
      await appendFile(this.path, `${JSON.stringify(pass)}\n`)
    } catch (cause) {
      throw ioError(cause, `cannot write ${this.path}`)
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

function parsed(line: string): PassSummary | undefined {
  try {
    return JSON.parse(line) as PassSummary
  } catch {
    return undefined
  }
}

/** What must be the same for a run to go on: images, network (by what it says of the first image), rules and settings. */
export async function keyOf(
  model: Model,
  inputs: Inputs,
  plan: Pick<Explanation, 'name' | 'rules'>,
  options: ExplainOptions,
  passSize: number
): Promise<string> {
  const logits = await model.forward(await inputs.read(0, 1))
  const given = SETTINGS.split(' ').map((name) => (options as Record<string, unknown>)[name] ?? null)
  const hash = createHash('sha256')
  hash.update(JSON.stringify([model.graph, inputs.names, plan, given, passSize, Array.from(logits.data)]))
  for (const [name, { data }] of options.patterns ?? []) hash.update(name).update(data)
  return hash.digest('hex')
}
