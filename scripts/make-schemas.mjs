import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'prettier'
import { jsonSchemaOf, RESULTS } from '../dist/results/index.js'
import { root } from './lib/paths.mjs'

// Writes docs/schemas: the JSON Schemas of the files that commands write, from the schemas in src/results.
const folder = join(root, 'docs', 'schemas')
mkdirSync(folder, { recursive: true })
for (const name of Object.keys(RESULTS))
  writeFileSync(
    join(folder, `${name}.schema.json`),
    await format(JSON.stringify(jsonSchemaOf(name)), { parser: 'json', printWidth: 120 })
  )
