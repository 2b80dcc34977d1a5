import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readSafetensors } from '../../src/model/import/safetensors.js'
import type { ModelSummary } from '../../src/explain/inspect-model.js'
import { describeShared, shared } from '../shared.js'
import { cli } from './run.js'

const fixture = (name: string) => join(__dirname, '..', 'model', 'import', 'fixtures', name)
const conv = fixture('conv3d.opset17.onnx')

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-cli-models-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('inspect', () => {
  test('prints every node with its shape, parameters, multiply-adds and rule', async () => {
    const { status, out } = await cli('inspect', conv, '--composite', 'epsilon-plus')
    expect(status).toBe(0)
    // 4 x 2 x 27 weights and 4 biases, on 6 x 6 x 6 places
    expect(out).toMatch(/^\S+ +conv3d +4x6x6x6 +220 +46,656 +zplus$/m)
    expect(out).toMatch(/^\S+ +max_pool3d +4x3x3x3 +gradient$/m)
    expect(out).toContain('parameters, ')
  })

  test('as JSON and as a Mermaid flowchart', async () => {
    const json = JSON.parse((await cli('inspect', conv, '--json')).out) as ModelSummary
    expect(json.nodes.map((node) => node.op)).toContain('conv_transpose3d')
    expect(json.parameters).toBe(json.nodes.reduce((sum, node) => sum + node.parameters, 0))
    expect((await cli('inspect', conv, '--format', 'json')).out).toBe(JSON.stringify(json, null, 2) + '\n')
    const { out } = await cli('inspect', conv, '--format', 'mermaid')
    expect(out).toMatch(/^flowchart TD\n {2}input\(\["input<br\/>2×6×6×6"\]\)\n/)
    expect(out.match(/-->/g)).toHaveLength(json.nodes.length)
  })

  test('says which node stands in the way of LRP', async () => {
    const { status, out, err } = await cli('inspect', fixture('norms.pt2'), '--rule', 'epsilon')
    expect(status).toBe(0)
    expect(err).toMatch(/note: LRP with epsilon is not possible: node '0' \(layer_norm\)/)
    expect(out).toMatch(/layer_norm +6x8 +16 +-$/m)
  })
})

describe('convert and export', () => {
  test('a file becomes a folder, and that an ONNX file again', async () => {
    const [converted, back] = [join(folder, 'converted'), join(folder, 'back.onnx')]
    expect((await cli('convert', conv, '--output', converted)).status).toBe(0)
    expect((await cli('convert', conv, '--output', converted)).status).toBe(0) // ours may be written over
    const strange = join(folder, 'strange')
    mkdirSync(strange)
    writeFileSync(join(strange, 'model.json'), '{"format": "layers-model"}')
    const { status, err } = await cli('convert', conv, '--output', strange)
    expect([status, err]).toEqual([2, expect.stringContaining('model.json is not a model and would be overwritten')])
    expect(readdirSync(strange)).toEqual(['model.json'])
    expect((await cli('export', converted, '--output', back)).status).toBe(0)
    const ops = async (model: string) =>
      (JSON.parse((await cli('inspect', model, '--json')).out) as ModelSummary).nodes.map((node) => node.op)
    expect(await ops(back)).toEqual(await ops(conv))
  })

  test('weights alone go out under their names', async () => {
    const path = join(folder, 'weights.bin')
    expect((await cli('export', fixture('conv3d.pt2'), '--output', path, '--format', 'safetensors')).status).toBe(0)
    expect([...(await readSafetensors(path)).keys()]).toContain('0.weight')
  })

  test.each<[string[], number, string]>([
    [['inspect', 'no-such.onnx'], 1, 'no-such.onnx'],
    [['inspect', conv, '--format', 'xml'], 2, '--format must be one of table, mermaid, json'],
    [['inspect', conv, '--rule', 'epsilom'], 2, "'epsilon'"],
    [['convert', conv], 2, '--output'],
    [['export', conv, '--output', 'x.h5'], 2, "'h5' is not an export format"]
  ])('%j is refused with one sentence', async (args, status, message) => {
    const result = await cli(...args)
    expect([result.status, result.out]).toEqual([status, ''])
    expect(result.err).toContain(message)
    expect(existsSync('x.h5')).toBe(false)
  })
})

describeShared('a converted model', () => {
  test('keeps the preprocessing it is given', async () => {
    const output = join(folder, 'resnet20')
    await cli('convert', shared('models', 'resnet20.onnx'), '--preprocess', 'cifar', '--output', output)
    const { status, out } = await cli('explain', output, '--dry-run')
    expect(status).toBe(0)
    expect(out).toContain('layer1.0.conv1')
  })
})
