/** Runs asynchronous pieces of work while their weights together are at most `most`, in the order in which they came. */
export class Limit {
  private running = 0
  private readonly waiting: { weight: number; begin: () => void }[] = []

  constructor(private readonly most: number) {}

  /** @param weight what the work takes of the limit; more than all of it counts as all of it */
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
