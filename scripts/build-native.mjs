import { provideAddon } from './lib/addon.mjs'
import { main } from './lib/run.mjs'

// `npm run build:native`: finds or fetches libtorch, builds the addon. Does nothing where all is fresh.
await main(() => provideAddon())
