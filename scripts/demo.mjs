import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { SetupError, main } from './lib/run.mjs'

// The whole path in one go: train on the shipped digits, test, explain, remove features, report.
await main(async () => {
  const experiment = lrp('train', '--experiment-name', 'demo', '--epochs', '30').folder
  const { accuracy } = lrp('test', experiment)
  const explained = lrp('explain', experiment, '--rule', 'alpha2beta1', '--limit', '10', '--format', 'png,html')
  for (const rule of ['0', 'epsilon', 'gamma', 'alpha1beta0', 'alpha2beta1'])
    lrp('remove-features', experiment, '--rule', rule)
  const { report } = lrp('report', experiment)
  console.log(`\ntest accuracy: ${accuracy.toFixed(4)}`)
  console.log('open these:')
  console.log(`  report        ${report}`)
  console.log(`  explanations  ${explained.folder}`)
  console.log(`  experiment    ${experiment}`)
})

function lrp(...args) {
  console.error(`$ lrp-native ${args.join(' ')}`)
  const cli = join(root, 'dist', 'cli', 'main.js')
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
  if (status !== 0) throw new SetupError(`lrp-native ${args[0]} ended with status ${status}`)
  return JSON.parse(stdout)
}
