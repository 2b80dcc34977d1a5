import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'
import { writeNpy } from '../../src/core/npy.js'
import { GraphBuilder, initialise } from '../../src/model/builder.js'
import { Model } from '../../src/model/model.js'

test('a second Ctrl-C ends the process in the middle of a native call (F9)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lrp-interrupt-'))
  // a convolution of seconds: one interrupt waits for it
  const builder = new GraphBuilder([512, 32, 32])
  const conv = builder.convolution('conv', 'input', 512, 3, { padding: 1 })
  const parts = await initialise(
    builder.finish(
      'slow',
      builder.linear('fc', builder.add('flat', 'flatten', [conv], { start_dim: 1, end_dim: -1 }), 2)
    ),
    0
  )
  using model = await Model.create(parts)
  await model.save(join(folder, 'slow'))
  await writeNpy(join(folder, 'x.npy'), { data: new Float32Array(32 * 512 * 1024), shape: [32, 512, 32, 32] })
  const main = join(packageRoot, 'dist', 'cli', 'main.js')
  const args = ['explain', join(folder, 'slow'), '--input', join(folder, 'x.npy'), '--rule', 'epsilon']
  const child = spawn(process.execPath, [main, ...args, '--batch-size', '16', '--threads', '1', '--output', folder])
  let told = 0
  child.stderr.on('data', (chunk: Buffer) => {
    if (String(chunk).startsWith('16/32 images') && told++ === 0) child.kill('SIGINT')
    if (String(chunk).includes('again to stop immediately')) child.kill('SIGINT')
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  rmSync(folder, { recursive: true, force: true })
  expect([code, signal]).toEqual([null, 'SIGINT'])
})
