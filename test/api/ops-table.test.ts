import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { opsTable, withOpsTable } from '../../src/api/ops-table.js'
import { packageRoot } from '../../src/core/paths.js'
import { FURTHER_INPUT } from '../../src/model/further-inputs.js'
import { native } from '../../src/native/addon.js'

test('the table of docs/ops.md is not stale (scripts/make-ops-page.mjs writes it)', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'ops.md'), 'utf8')
  expect(page).toContain(opsTable())
  expect(withOpsTable(page)).toBe(page)
})

test('every op that a graph may name is in the table of inputs and attributes', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'ops.md'), 'utf8')
  const first = page.slice(0, page.indexOf('\n## '))
  const names = new Set(
    first.split('\n').flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`(\w+)`/g)].map(([, op]) => op))
  )
  expect(
    native()
      .ops()
      .filter((op) => op !== FURTHER_INPUT && !names.has(op))
  ).toEqual([])
})

test('a stale table is written again, and nothing else', () => {
  const page = 'a\n<!-- make-ops-page: begin -->\n\nold\n\n<!-- make-ops-page: end -->\nb'
  expect(withOpsTable(page)).toBe(page.replace('old', opsTable()))
})
