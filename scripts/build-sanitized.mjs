import { resolveLibtorch } from './lib/libtorch.mjs'
import { buildSanitized } from './lib/native.mjs'
import { main } from './lib/run.mjs'

// Compiles the addon with AddressSanitizer and UBSan into build/sanitized; libtorch itself is not instrumented.
await main(async () => buildSanitized(await resolveLibtorch()))
