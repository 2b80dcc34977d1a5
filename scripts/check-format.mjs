import { spawnSync } from 'node:child_process'
import { root } from './lib/paths.mjs'
import { output } from './lib/run.mjs'

// `npm run format:check`: prettier for all it knows, clang-format for C++ where it is installed (.clang-format).
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0

let formatted = run('npx', ['prettier', '--check', '.'])
if (output('clang-format', ['--version']) === undefined) {
  console.log('note: clang-format is not installed; C++ is not checked')
} else {
  const files = output('git', ['ls-files', '*.cpp', '*.h', ':!test/native/doctest'], { cwd: root })?.split('\n').filter(Boolean) ?? []
  if (files.length > 0 && !run('clang-format', ['--dry-run', '--Werror', ...files])) formatted = false
}
process.exitCode = formatted ? 0 : 1
