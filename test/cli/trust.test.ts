import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { writeNpy } from '../../src/core/npy.js'
import { cli } from './run.js'

const root = mkdtempSync(join(tmpdir(), 'lrp-cli-trust-'))
const fixtures = join(__dirname, '..', 'model', 'import', 'fixtures')
const wave = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i * i * 0.7 + i))
beforeAll(async () => {
  await writeNpy(join(root, 'tokens.npy'), { data: wave(40), shape: [1, 5, 8] })
  await writeNpy(join(root, 'row.npy'), { data: wave(6), shape: [1, 6] })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const explain = (model: string, input: string, ...more: string[]): ReturnType<typeof cli> =>
  cli('explain', join(fixtures, model), '--input', join(root, input), '--format', 'npy', '--output', root, ...more)

test('a verdict that is not full is a note, once', async () => {
  const limited = await explain('attention.pt2', 'tokens.npy')
  expect(limited.err).toMatch(/^note: Read only the coarse structure of the map: \d+ % of the relevance reaches/m)
  const checked = await explain('attention.pt2', 'tokens.npy', '--check')
  expect(checked.err).not.toContain('Read only')
  expect(checked.out).toMatch(/^Read only the coarse structure/m)
  expect((await explain('gates.pt2', 'row.npy')).err).not.toMatch(/trusted|coarse/)
})

test('a check prints each of its numbers with its limit', async () => {
  const { out } = await explain('attention.pt2', 'tokens.npy', '--check')
  expect(out).toMatch(/^ {2}relevance that reaches neither the pixels nor the biases: \d+ % \(limited above 10 %\)$/m)
  expect(out).toMatch(
    /^ {2}difference from the map in float64: \S+ % \(limited above 0.1 %, untrustworthy above 1 %\)$/m
  )
  expect(out).toMatch(/^ {2}difference between LRP-0 and gradient x input: not compared: node '/m)
})
