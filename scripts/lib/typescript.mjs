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

const { dependencies: pinned, exports: paths } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const dependencies = Object.keys(pinned)
/** Dependencies of many small files that most commands load: as part of the CLI's bundle they load in a fifth of the time. */
const IN_CLI = ['cli-progress', 'commander', 'fflate', 'opentype.js', 'protobufjs', 'zod']

/** The package's paths, as package.json names them: `require` gets them all from one bundle, so that classes are shared. */
function entryPoints() {
  return Object.values(paths)
    .filter((path) => path.require)
    .map((path) => ({
      name: basename(path.require.default, '.cjs'),
      from: path.import.default,
      file: path.require.default
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
  if (status !== 0) throw new SetupError(`the TypeScript code cannot be compiled: see the log ${compileLog}`)
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
  const cli = await build({
    entryPoints: [join(dist, 'cli', 'main.js')],
    outdir: join(dist, 'cli'),
    allowOverwrite: true, // of main.js as tsc has written it
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: dependencies.filter((name) => !IN_CLI.includes(name)).flatMap((name) => [name, `${name}/*`]),
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"
    },
    metafile: true,
    logLevel: 'error'
  })
  writeFileSync(join(dist, 'cli', 'parts', 'LICENSES.txt'), licencesOf(Object.keys(cli.metafile.inputs)))
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

/** The licences of the packages that these files come from. */
function licencesOf(files) {
  const folders = files.map((file) => /.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean)
  return [...new Set(folders)]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name))
      const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : `Licence: ${license}`
      return `${name} ${version}\n\n${text}\n`
    })
    .join('\n')
}
