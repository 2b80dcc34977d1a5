import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { native } from './native.js'
import { packageRoot } from './paths.js'

/** Version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version
}

/** What a result was made with: written beside every number. */
export function versions(): Record<string, string> {
  return { 'lrp-native': packageVersion(), node: process.versions.node, libtorch: native().info().torchVersion }
}
