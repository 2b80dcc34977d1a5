// Writes docs/options.md from the schemas of the options. Run it after `npm run build:ts`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { optionsPage } from '../dist/cli/options-page.js'
import { root } from './lib/paths.mjs'

writeFileSync(join(root, 'docs', 'options.md'), await optionsPage())
