import { examine } from './lib/doctor.mjs'
import { fetchChosen } from './lib/libtorch.mjs'
import { provideAddon } from './lib/addon.mjs'
import { SetupError, main } from './lib/run.mjs'

// Works before anything is built: `node scripts/doctor.mjs [--json] [--fix] [--libtorch VARIANT [--sha256 HASH]]`.
await main(async () => {
  const args = process.argv.slice(2)
  const value = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
  const variant = value('--libtorch')
  if (args.includes('--libtorch')) {
    if (!/^(cpu|cu\d{3})$/.test(variant ?? ''))
      throw new SetupError('--libtorch takes cpu or a CUDA variant such as cu130')
    await fetchChosen({ variant, log: console.error, sha256: value('--sha256') })
  }
  if (args.includes('--fix') || variant) await provideAddon()
  const entries = examine()
  if (args.includes('--json')) console.log(JSON.stringify({ checks: entries }, null, 2))
  else for (const entry of entries) print(entry)
  if (entries.some((entry) => entry.needed && !entry.ok)) process.exitCode = 1
})

function print({ name, ok, needed, found, remedy }) {
  console.log(`${ok ? 'ok     ' : needed ? 'MISSING' : 'note   '} ${name.padEnd(16)} ${found}`)
  if (!ok) console.log(`        ${''.padEnd(16)} fix it with: ${remedy}`)
}
