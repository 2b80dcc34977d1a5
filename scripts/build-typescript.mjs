import { main } from './lib/run.mjs'
import { buildTypescript } from './lib/typescript.mjs'

// `npm run build:ts`, and before `npm pack`.
await main(() => buildTypescript())
