import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Seeded choices. */
export class Random {
  private readonly generator: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed)
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return uniformInt(this.generator, 0, count - 1)
  }

  /** At most `count` of the items, in random order, each once. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = [...items]
    const chosen = Math.min(count, left.length)
    for (let i = 0; i < chosen; i++) {
      const j = i + this.below(left.length - i)
      ;[left[i], left[j]] = [left[j]!, left[i]!]
    }
    return left.slice(0, chosen)
  }
}
