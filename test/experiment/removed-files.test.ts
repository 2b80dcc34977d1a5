import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { train } from '../../src/train/train.js'
import { cli } from '../cli/run.js'

jest.setTimeout(600_000)

const base = mkdtempSync(join(tmpdir(), 'lrp-removed-'))
const [kept, experiments] = [join(base, 'kept'), join(base, 'experiments')]
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** Command lines on an experiment; what they write goes elsewhere. */
const COMMANDS: Record<string, (name: string) => string[]> = {
  report: () => ['report', '--output', join(base, 'report.html')],
  explain: (name) => ['explain', name, '--limit', '1', '--rule', 'epsilon', '--output', join(base, 'maps')],
  evaluate: (name) => ['evaluate', name, '--limit', '1', '--rules', 'epsilon', '--output', join(base, 'scores')],
  resume: (name) => ['train', '--resume', name],
  inspect: (name) => ['inspect', name]
}

beforeAll(async () => {
  const options = { epochs: 2, experimentsRoot: kept, threads: 1 }
  await train({ ...options, experimentName: 'done' })
  const stop = new AbortController()
  await train({
    ...options,
    experimentName: 'half',
    signal: stop.signal,
    onProgress: (event) => event.kind === 'epoch' && stop.abort()
  })
  for (const command of ['explain', 'evaluate']) {
    const args = COMMANDS[command]!('done').slice(0, -2) // into the experiment
    expect(await cli(...args, '--experiments', kept)).toMatchObject({ status: 0 })
  }
})

/** A sentence of ours: one line, no trace, nothing that shows a missing check. */
function faultIn({ status, out, err }: Awaited<ReturnType<typeof cli>>, names: string[]): string | undefined {
  const text = out + err
  const slip = /\n +at |undefined|NaN|TypeError|\[object/.exec(text)?.[0]
  if (slip !== undefined) return `${slip} in ${text}`
  if (status === 0) return undefined
  const sentences = err.split('\n').filter((line) => line.startsWith('lrp-native: '))
  if (sentences.length !== 1) return `${sentences.length} sentences in ${text}`
  return names.some((name) => sentences[0]!.includes(name)) ? undefined : `no file is named in ${sentences[0]}`
}

describe.each(['done', 'half'])('an experiment that is %s', (name) => {
  test('works without any one of its files, or says which one is missing', async () => {
    const files = readdirSync(join(kept, name), { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(join(kept, name, file)).isFile())
      .filter((file) => !/\.(svg|webp|png)$/.test(file)) // pictures are for people
    expect(files).toEqual(expect.arrayContaining(['experiment.json', 'model.json', 'weights.safetensors']))
    const needed = new Set<string>()
    const faults: string[] = []
    for (const file of files) {
      for (const [command, argsFor] of Object.entries(COMMANDS)) {
        for (const folder of [experiments, join(base, 'maps'), join(base, 'scores')])
          rmSync(folder, { recursive: true, force: true })
        cpSync(kept, experiments, { recursive: true })
        rmSync(join(experiments, name, file))
        const result = await cli(...argsFor(name), '--experiments', experiments, '--threads', '1')
        const fault = faultIn(result, [basename(file)])
        if (fault !== undefined) faults.push(`${command} without ${file}: ${fault}`)
        if (result.status !== 0) needed.add(file)
      }
    }
    expect(faults).toEqual([])
    expect([...needed].sort()).toEqual([
      'checkpoints/last.safetensors',
      'experiment.json',
      'model.json',
      'weights.safetensors'
    ])
  })
})
