import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { runLogged } from './lib/run.mjs'

// What CI runs: the README's test command, then type check, lint and format. The last line counts tests from jest's own
// result file, and a failed check as a failed test.
const results = join(root, 'build', 'jest.json')
rmSync(results, { force: true })
const npm = (...args) => runLogged('npm', args, { echo: true, cwd: root })

const steps = [
  ['test', '--', '--json', `--outputFile=${results}`],
  ['run', 'typecheck'],
  ['run', 'lint'],
  ['run', 'format:check']
]
let failedChecks = 0
for (const [i, args] of steps.entries()) {
  const { status } = await npm(...args)
  if (status !== 0) console.log(`npm ${args.join(' ')} failed`)
  if (status !== 0 && i > 0) failedChecks++
  if (status !== 0) process.exitCode = 1
}
const { passed, failed, skipped } = counts()
console.log(`${passed} passed, ${failed + failedChecks} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)

function counts() {
  try {
    const json = JSON.parse(readFileSync(results, 'utf8'))
    const suites = json.testResults.filter(
      (suite) => suite.status === 'failed' && suite.assertionResults.length === 0
    ).length
    return { passed: json.numPassedTests, failed: json.numFailedTests + suites, skipped: json.numPendingTests }
  } catch {
    process.exitCode = 1
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
