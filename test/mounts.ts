import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from '@jest/globals'

const mount = (...args: string[]): boolean => spawnSync('mount', args).status === 0

/** A file system of its own, in memory. */
export class Disk {
  private constructor(readonly folder: string) {}

  /** @returns undefined where this user may not mount */
  static make(kilobytes: number): Disk | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'lrp-disk-'))
    if (mount('-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'lrp-native-test', folder)) return new Disk(folder)
    rmSync(folder, { recursive: true })
    return undefined
  }

  resize(kilobytes: number): void {
    this.remount(`size=${kilobytes}k`)
  }

  lock(): void {
    this.remount('ro')
  }

  remove(): void {
    spawnSync('umount', ['-l', this.folder])
    rmSync(this.folder, { recursive: true, force: true })
  }

  private remount(how: string): void {
    if (!mount('-o', `remount,${how}`, this.folder)) throw new Error(`cannot remount ${this.folder}: ${how}`)
  }
}

const tried = Disk.make(64)
tried?.remove()

/** Tests that fill a disk; skipped, with the reason in their name, where this user may not mount one. */
export const describeDisk = (name: string, tests: () => void): void =>
  tried ? describe(name, tests) : describe.skip(`${name} (skipped: this user cannot mount a tmpfs)`, tests)
