import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { opsTable, withOpsTable } from '../../src/api/ops-table.js'
import { packageRoot } from '../../src/core/paths.js'

test('the table of docs/ops.md is not stale (scripts/make-ops-page.mjs writes it)', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'ops.md'), 'utf8')
  expect(page).toContain(opsTable())
  expect(withOpsTable(page)).toBe(page)
})

test('a stale table is written again, and nothing else', () => {
  const page = 'a\n<!-- make-ops-page: begin -->\n\nold\n\n<!-- make-ops-page: end -->\nb'
  expect(withOpsTable(page)).toBe(page.replace('old', opsTable()))
})
