/** Runs asynchronous work in the order of the calls, while the sum of the weights is at most `most`. */
export class Limit {
  private running = 0
  private readonly waiting: { weight: number; begin: () => void }[] = []

  constructor(private readonly most: number) {}

  /** @param weight share of the limit that the work takes; a larger weight counts as the whole limit */
  async run<T>(work: () => Promise<T>, weight = 1): Promise<T> {
    const share = Math.min(weight, this.most)
    if (this.waiting.length > 0 || this.running + share > this.most)
      await new Promise<void>((begin) => this.waiting.push({ weight: share, begin }))
    else this.running += share
    try {
      return await work()
    } finally {
      this.running -= share
      this.admit()
    }
  }

  private admit(): void {
    while (this.waiting.length > 0 && this.running + this.waiting[0]!.weight <= this.most) {
      const next = this.waiting.shift()!
      this.running += next.weight
      next.begin()
    }
  }
}
