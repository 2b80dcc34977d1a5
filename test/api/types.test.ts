import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import ts from 'typescript'
import { packageRoot } from '../../src/core/paths.js'

/** A program of a user: what is right compiles, and each line after "wrong" is an error. */
const USES = `
import { Model, audit, explain, isLrpError, openDataset, train, type Explanation, type Tensor } from 'lrp-native'
import { readNpy, type NpyArray } from 'lrp-native/data'
import { GraphBuilder } from 'lrp-native/models'
import { COMPOSITES, type Composite } from 'lrp-native/rules'
import { METRICS } from 'lrp-native/metrics'
import { heatmap, type Picture } from 'lrp-native/plot'
import { importOnnx } from 'lrp-native/onnx'

export async function use(model: Model, image: Tensor): Promise<unknown[]> {
  const explanation: Explanation = await model.explain(image, { rule: 'gamma', gamma: 0.25, target: 'all' })
  const composite: Composite = { name: 'mine', layers: [{ kind: 'convolution', rule: 'zplus' }] }
  const shape: readonly number[] = explanation.relevance.shape
  const picture: Picture = heatmap(explanation.relevance.data, shape)
  const array: NpyArray = await readNpy('x.npy')
  const trained = await train({ model: 'mlp', epochs: 1, onProgress: (event) => void event.kind })
  const again: Model = trained.model
  // wrong
  await explain(model, image, { ruel: 'epsilon' })
  await explain(model, image, { gamma: 'much' })
  await model.explain('photo.jpg')
  const text: string = explanation.relevance
  await train({ epochs: '3' })
  return [composite, picture, array, again, text, audit, isLrpError, openDataset, GraphBuilder, COMPOSITES, METRICS, importOnnx]
}
`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lrp-types-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(packageRoot, join(folder, 'node_modules', 'lrp-native'))
  symlinkSync(join(packageRoot, 'node_modules', '@types'), join(folder, 'node_modules', '@types'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Lines of `USES` with an error, for a file that is an ES module (.mts) or CommonJS (.cts). */
function errorLines(name: string): number[] {
  const path = join(folder, name)
  writeFileSync(path, USES)
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022,
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true
  })
  return ts.getPreEmitDiagnostics(program).map(({ file, start }) => file!.getLineAndCharacterOfPosition(start!).line)
}

test.each(['module.mts', 'common.cts'])('the declarations serve %s', (name) => {
  const wrong = USES.split('\n').findIndex((line) => line.includes('// wrong'))
  expect(errorLines(name)).toEqual([1, 2, 3, 4, 5].map((i) => wrong + i))
})
