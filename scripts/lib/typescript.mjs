import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { buildFolder, root } from './paths.mjs'
import { SetupError, runLogged } from './run.mjs'
import { readStamp, stampOf, writeStamp } from './stamp.mjs'

const dist = join(root, 'dist')
const stampPath = join(buildFolder, 'typescript.stamp')

/** The package's paths, as package.json names them: `require` gets them all from one bundle, so that classes are shared. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.values(exports)
    .filter((paths) => paths.require)
    .map((paths) => ({
      name: basename(paths.require.default, '.cjs'),
      from: paths.import.default,
      file: paths.require.default
    }))
}

/** Compiles src/ to dist/ (ESM, with types) and bundles it three times: for `require`, for the CLI (one file for each command
 * starts faster than 250 modules), and the script of the page that `serve` shows. Does nothing if all is fresh. */
export async function buildTypescript({ log = console.error } = {}) {
  const stamp = stampOf(['src', 'tsconfig.json', 'package.json'].map((name) => join(root, name)))
  if (existsSync(join(dist, 'index.cjs')) && readStamp(stampPath) === stamp) return
  const require = createRequire(join(root, 'package.json'))
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const compileLog = join(buildFolder, 'typescript.log')
  writeStamp(stampPath, '')
  rmSync(dist, { recursive: true, force: true })
  rmSync(compileLog, { force: true })
  const { status } = await runLogged(process.execPath, [tsc, '-p', root], { log: compileLog, echo: true, cwd: root })
  if (status !== 0) throw new SetupError(`TypeScript does not compile: the log is ${compileLog}`)
  const { build } = await import('esbuild')
  const entries = entryPoints()
  await build({
    stdin: {
      contents: entries.map(({ name, from }) => `export * as ${name} from '${from}'`).join('\n'),
      resolveDir: root
    },
    outfile: join(dist, 'bundle.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" }
  })
  for (const { name, file } of entries)
    writeFileSync(join(root, file), `module.exports = require('./bundle.cjs').${name}\n`)
  await build({
    entryPoints: [join(dist, 'cli', 'main.js')],
    outdir: join(dist, 'cli'),
    allowOverwrite: true, // of main.js as tsc has written it
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error'
  })
  await build({
    entryPoints: [join(root, 'src', 'serve', 'browser', 'app.ts')],
    outfile: join(dist, 'serve', 'app.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error'
  })
  declareForRequire()
  chmodSync(join(dist, 'cli', 'main.js'), 0o755)
  writeStamp(stampPath, stamp)
  log('built dist/')
}

/** The same declarations once more for programs that call `require`: TypeScript takes those of an ES module for that alone. */
function declareForRequire() {
  const folder = join(dist, 'require')
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    copyFileSync(join(dist, name), join(folder, name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
}
