import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../paths.mjs'

const NOTE = 'Made from `--help` by `npm run docs`. [The command line](../cli.md) has what the commands have in common.'

/** The page of all commands: the text of `--help` of each. */
export function commandsPage() {
  const names = [...help([]).matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name).filter((name) => name !== 'help')
  const sections = [...new Set(names)].map((name) => `## ${name}\n\n\`\`\`\n${help([name]).trim()}\n\`\`\``)
  return `# Commands\n\n${NOTE}\n\n${sections.join('\n\n')}\n`
}

function help(command) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist', 'cli', 'main.js'), ...command, '--help'],
    { encoding: 'utf8', env: { ...process.env, COLUMNS: '100' } }
  )
  if (status !== 0) throw new Error(`lrp-native ${command.join(' ')} --help failed: ${stderr}`)
  return stdout
}
