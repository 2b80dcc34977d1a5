import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/paths.mjs'
import { SetupError, main } from './lib/run.mjs'
import { deadLinks } from './lib/site/check-links.mjs'
import { commandsPage } from './lib/site/commands-page.mjs'
import { undocumented } from './lib/site/undocumented.mjs'
import { buildTypescript } from './lib/typescript.mjs'

// `npm run docs`: the site, into build/site. Pages of docs/, the help of every command, and the API out of its docstrings.
// A dead link, a link to a missing heading, or an export, method or field without a docstring fails the build. `npm run docs -- --serve` shows it.
await main(async () => {
  await buildTypescript()
  const generated = join(root, 'docs', 'reference')
  rmSync(generated, { recursive: true, force: true })
  mkdirSync(generated, { recursive: true })
  writeFileSync(join(generated, 'commands.md'), commandsPage())
  await writeApi(join(generated, 'api'))
  const { build, serve } = await import('vitepress')
  await build(join(root, 'docs'))
  const site = join(root, 'build', 'site')
  const dead = deadLinks(site)
  if (dead.length > 0) throw new SetupError(`${dead.length} dead links:\n${dead.join('\n')}`)
  console.log(`${site}: 0 dead links`)
  if (process.argv.includes('--serve')) await serve({ root: join(root, 'docs') })
})

async function writeApi(folder) {
  const { Application } = await import('typedoc')
  const app = await Application.bootstrapWithPlugins({ options: join(root, 'docs', 'typedoc.json') })
  const project = await app.convert()
  if (!project) throw new SetupError('TypeDoc cannot read the sources')
  app.validate(project)
  for (const name of undocumented(project)) app.logger.error(`${name} has no docstring`)
  if (app.logger.hasErrors() || app.logger.hasWarnings())
    throw new SetupError('TypeDoc found mistakes in docstrings, named above')
  await app.generateOutputs(project)
  console.log(`the API is in ${folder}`)
}
