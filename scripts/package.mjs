import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { provideAddon } from './lib/addon.mjs'
import { VERSION } from './lib/libtorch/folder.mjs'
import { findLibtorch } from './lib/libtorch.mjs'
import { nativeBuildFolder, root } from './lib/paths.mjs'
import { packageName } from './lib/prebuilt.mjs'
import { SetupError, main } from './lib/run.mjs'
import { SYSTEMS, system } from './lib/system.mjs'
import { buildTypescript } from './lib/typescript.mjs'

// `npm run package -- --output DIR`: the tarball of lrp-native, and the tarball of this system's addon.
await main(async () => {
  const at = process.argv.indexOf('--output')
  const output = at > 0 ? process.argv[at + 1] : undefined
  if (!output) throw new SetupError('a folder for the tarballs is missing: npm run package -- --output DIR')
  mkdirSync(output, { recursive: true })
  await buildTypescript()
  await provideAddon()
  const work = mkdtempSync(join(tmpdir(), 'lrp-package-'))
  try {
    for (const folder of [platformPackage(work), mainPackage(work)]) pack(folder, resolve(output))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
})

/** What this package tells about itself in every tarball. */
function common() {
  const { version, license, author, repository, homepage, bugs } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8')
  )
  return { version, license, author, repository, homepage, bugs }
}

/** The compiled addon with its debug symbols removed; CMake rewrites where it looks for libtorch. */
function platformPackage(work) {
  const folder = join(work, 'addon')
  const args = ['--install', nativeBuildFolder, '--component', 'addon', '--prefix', folder, '--strip']
  run('cmake', args, 'CMake cannot install the addon')
  const [os, cpu] = system.split('-')
  const { version } = findLibtorch()
  if (version !== VERSION) {
    throw new SetupError(`the addon was built against libtorch ${version}: set LRP_NATIVE_LIBTORCH to a ${VERSION}`)
  }
  const manifest = {
    name: packageName(),
    ...common(),
    description: `The addon of lrp-native for ${system}`,
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' ? { libc: ['glibc'] } : {}),
    main: 'lrp_native.node',
    files: ['lrp_native.node'],
    libtorch: version
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  writeFileSync(
    join(folder, 'README.md'),
    `The addon of lrp-native, compiled for ${system} and libtorch ${version}. Install \`lrp-native\`, which brings it.\n`
  )
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  return folder
}

/** The files of package.json, and the platform packages as optional dependencies, which a clone does without. */
function mainPackage(work) {
  const folder = join(work, 'main')
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const listed = run('npm', ['pack', root, '--dry-run', '--ignore-scripts', '--json'], 'npm pack failed')
  for (const { path } of JSON.parse(listed)[0].files) cpSync(join(root, path), join(folder, path))
  const { devDependencies: _, overrides: __, ...published } = manifest
  published.scripts = { install: manifest.scripts.install, doctor: manifest.scripts.doctor }
  published.optionalDependencies = Object.fromEntries(SYSTEMS.map((name) => [packageName(name), manifest.version]))
  writeFileSync(join(folder, 'package.json'), JSON.stringify(published, null, 2))
  return folder
}

function pack(folder, output) {
  const text = run('npm', ['pack', folder, '--pack-destination', output, '--json'], 'npm pack failed')
  const [{ filename, size, unpackedSize, files }] = JSON.parse(text)
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`
  console.log(
    `${join(output, filename)}: ${megabytes(size)}, ${files.length} files, ${megabytes(unpackedSize)} unpacked`
  )
}

function run(command, args, problem) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new SetupError(`${problem}: ${(stderr || error?.message || '').trim().split('\n').at(-1)}`)
  return stdout
}
