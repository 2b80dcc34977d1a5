import { native } from './addon.js'
import { packageVersion } from '../core/package-version.js'

/** Returns the versions of lrp-native, Node.js and libtorch. */
export function versions(): Record<string, string> {
  return { 'lrp-native': packageVersion(), node: process.versions.node, libtorch: native().info().torchVersion }
}
