// Writes the table of docs/ops.md from the ops' records in C++. Run it after `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withOpsTable } from '../dist/api/ops-table.js'
import { root } from './lib/paths.mjs'

const path = join(root, 'docs', 'ops.md')
writeFileSync(path, withOpsTable(readFileSync(path, 'utf8')))
