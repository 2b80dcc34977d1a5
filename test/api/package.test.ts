import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, expect, jest, test } from '@jest/globals'
import { packageRoot } from '../../src/core/paths.js'

jest.setTimeout(600_000)

const { exports } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>
}
const paths = Object.keys(exports)
  .filter((path) => path !== './package.json')
  .map((path) => path.replace('.', 'lrp-native'))

// inside the package its own name resolves by package.json
const folder = mkdtempSync(join(packageRoot, 'build', 'consumer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PROGRAM = `
async function main(): Promise<number[]> {
  using model = await Model.load('digits', { device: 'cpu' })
  const dataset = await openDataset({ data: 'digits' })
  const { input } = await model.read({ data: dataset, limit: 4 })
  const { relevance } = await model.explain(input, { rule: 'gamma', gamma: 0.5, target: ['3', 5] })
  // @ts-expect-error an option that does not exist
  await model.explain(input, { gama: 0.5 })
  // @ts-expect-error a method that does not exist
  await explain(model, input, { method: 'lpr' })
  return relevance.shape
}
void main
`

test('every path is typed for import and require, options included', () => {
  const names = paths.map((path, i) => `import * as part${i} from '${path}'`)
  const used = `void [${paths.map((_, i) => `part${i}`).join(', ')}]\n`
  const root = "import { explain, Model, openDataset } from 'lrp-native'\n"
  writeFileSync(join(folder, 'esm.mts'), [...names, root, used, PROGRAM].join('\n'))
  const required = "import lrp = require('lrp-native')\nconst { explain, Model, openDataset } = lrp\n"
  writeFileSync(join(folder, 'cjs.cts'), [...names, required, used, PROGRAM].join('\n'))
  const options = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    lib: ['ESNext'],
    noEmit: true,
    types: ['node'],
    skipLibCheck: true
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['esm.mts', 'cjs.cts'] })
  )
  const tsc = createRequire(join(packageRoot, 'package.json')).resolve('typescript/bin/tsc')
  let errors = ''
  try {
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  } catch (error) {
    errors = (error as { stdout: string }).stdout
  }
  expect(errors).toBe('')
})

test('import and require give the same names; the root has about twenty functions and classes', () => {
  const list = `const names = ${JSON.stringify(paths)}`
  const cjs = `${list}; console.log(JSON.stringify(names.map((name) => Object.keys(require(name)).sort())))`
  const esm = `${list}; console.log(JSON.stringify(await Promise.all(names.map(async (name) => Object.keys(await import(name)).sort()))))`
  const run = (args: string[]): string[][] =>
    JSON.parse(execFileSync(process.execPath, args, { cwd: packageRoot, encoding: 'utf8' })) as string[][]
  const [required, imported] = [run(['--input-type=commonjs', '-e', cjs]), run(['--input-type=module', '-e', esm])]
  expect(imported).toEqual(required)
  expect(imported[0]!.length).toBeLessThanOrEqual(26)
  for (const hook of ['native', 'trainingSteps', 'explainLayer']) expect(imported.flat()).not.toContain(hook)
})
