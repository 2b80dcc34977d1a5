import { native } from './addon.js'
import { packageVersion } from '../core/package-version.js'

/** What a result was made with: written next to every number. */
export function versions(): Record<string, string> {
  return { 'lrp-native': packageVersion(), node: process.versions.node, libtorch: native().info().torchVersion }
}
