import { examine } from './lib/doctor.mjs'
import { fetchChosen } from './lib/libtorch.mjs'
import { buildNative } from './lib/native.mjs'
import { SetupError, main } from './lib/run.mjs'

// Works before anything is built: `node scripts/doctor.mjs [--json] [--fix] [--libtorch VARIANT --sha256 HASH]`.
await main(async () => {
  const args = process.argv.slice(2)
  const after = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined)
  const variant = after('--libtorch')
  if (args.includes('--libtorch')) {
    if (!/^(cpu|cu\d{3})$/.test(variant ?? ''))
      throw new SetupError('--libtorch takes cpu or a CUDA variant such as cu130')
    await fetchChosen({ variant, sha256: after('--sha256'), log: console.error })
  }
  if (args.includes('--fix') || variant) await buildNative()
  const entries = examine()
  if (args.includes('--json')) console.log(JSON.stringify({ checks: entries }, null, 2))
  else for (const entry of entries) print(entry)
  if (entries.some((entry) => entry.needed && !entry.ok)) process.exitCode = 1
})

function print({ name, ok, needed, found, remedy }) {
  console.log(`${ok ? 'ok     ' : needed ? 'MISSING' : 'note   '} ${name.padEnd(16)} ${found}`)
  if (!ok) console.log(`        ${''.padEnd(16)} mend it with: ${remedy}`)
}
