import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { initialise } from '../../src/model/builder.js'
import { buildLayers } from '../../src/model/layers.js'
import { Model } from '../../src/model/model.js'

const folder = mkdtempSync(join(tmpdir(), 'lrp-format-'))
const path = join(folder, 'model.json')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Stored {
  version: number
  graph: { shapes: Record<string, number[]>; nodes: { attributes: object }[] }
}

const firstNode = ({ graph }: Stored): { attributes: object } => graph.nodes[0]!

async function saved(change: (json: Stored) => void): Promise<Stored> {
  const layers = [{ type: 'flatten' }, { type: 'linear', features: 'classes' }] as const
  using model = await Model.create(await initialise(buildLayers([...layers], { imageShape: [1, 4, 4], classes: 3 }), 1))
  rmSync(path, { force: true })
  await model.save(folder)
  const json = JSON.parse(readFileSync(path, 'utf8')) as Stored
  change(json)
  writeFileSync(path, JSON.stringify(json))
  return json
}

test('shapes are stored with the graph', async () => {
  const { version, graph } = await saved(() => undefined)
  expect([version, graph.shapes]).toEqual([2, { 0: [1, 16], 1: [1, 3] }])
  using model = await Model.load(folder)
  expect(model.outputs()).toBe(3)
})

test.each([
  [1, 'convert or train the model again'],
  [3, 'update lrp-native']
])('version %d of the format is refused in a sentence', async (version, remedy) => {
  await saved((json) => (json.version = version))
  await expect(Model.load(folder)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: `${path} has version ${version} of the format, but this program reads version 2: ${remedy}`
  })
})

test('a stored shape that the network does not have is refused', async () => {
  await saved(({ graph }) => (graph.shapes[1] = [1, 4]))
  await expect(Model.load(folder)).rejects.toMatchObject({
    code: 'INVALID_FILE',
    message: `${folder}: node '1' has the output shape 1x3, but the file states 1x4`
  })
})

test.each([
  [(json: Stored) => Object.assign(json.graph, { nodes: {} }), 'graph.nodes must be a list, not {}'],
  [(json: Stored) => Object.assign(json.graph, { inputShape: 'x' }), "graph.inputShape must be a list, not 'x'"],
  [(json: Stored) => Object.assign(json, { classes: [1] }), 'classes[0] must be a string, not 1'],
  [(json: Stored) => Object.assign(json, { graph: undefined }), 'graph is missing']
])('what is wrong in an edited file is said in a sentence: %#', async (change, sentence) => {
  await saved(change)
  await expect(Model.load(folder)).rejects.toMatchObject({ code: 'INVALID_FILE', message: `${path}: ${sentence}` })
})

test.each([
  [(json: Stored) => Object.assign(json, { colour: 1 }), "has no 'colour'"],
  [(json: Stored) => Object.assign(json.graph, { output_names: ['y'] }), ": graph has no 'output_names'"],
  [(json: Stored) => Object.assign(firstNode(json), { attrs: {} }), ": graph.nodes[0] has no 'attrs'"],
  [(json: Stored) => Object.assign(firstNode(json).attributes, { axis: 1 }), "node '0' (flatten): attribute 'axis' is"]
])('what would be ignored in an edited file is refused: %#', async (change, sentence) => {
  await saved(change)
  await expect(Model.load(folder)).rejects.toThrow(sentence)
})

test('a key that stands twice in an object is refused, for one of the values would be ignored', async () => {
  await saved(() => undefined)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"attributes":{', '"\\u0061ttributes":{},"attributes":{'))
  await expect(Model.load(folder)).rejects.toMatchObject({
    code: 'INVALID_FILE',
    message: `${path} has the key 'attributes' twice in one object`
  })
})

test('a file that holds no object is refused by its name', async () => {
  await saved(() => undefined)
  writeFileSync(path, '[]')
  await expect(Model.load(folder)).rejects.toMatchObject({
    code: 'INVALID_FILE',
    message: `${path} must be an object, not []`
  })
})
