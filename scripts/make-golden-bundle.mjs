// Writes test/golden/values.br: reference values that are small enough to live in the repository, from ../shared/golden.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { root } from './lib/paths.mjs'

const golden = join(root, '..', 'shared', 'golden')
const files = ['attention', 'layers', 'metrics', 'torchlrp']
  .flatMap((folder) => readdirSync(join(golden, folder), { recursive: true }).map((name) => join(folder, name)))
  .filter((name) => statSync(join(golden, name)).isFile())
  .sort()
const contents = files.map((name) => readFileSync(join(golden, name)))
// One line of JSON, names and sizes, and the files one after the other.
const index = JSON.stringify(files.map((name, i) => [name, contents[i].length])) + '\n'
const bundle = Buffer.concat([Buffer.from(index), ...contents])
const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = constants
const params = { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24 }
writeFileSync(join(root, 'test', 'golden', 'values.br'), brotliCompressSync(bundle, { params }))
