/**
 * Writes values one after the other; one that is overtaken while another is being written is left out. For checkpoints:
 * the last one offered is always written, and writing never falls behind training.
 */
export class Latest<T> {
  private waiting: T | undefined
  private running: Promise<void> | undefined
  private failure: unknown

  constructor(private readonly write: (value: T) => Promise<void>) {}

  offer(value: T): void {
    this.waiting = value
    this.running ??= this.work()
  }

  /** Resolves when all is written; rejects with the first error that writing met. */
  async settled(): Promise<void> {
    await this.running
    if (this.failure !== undefined) throw this.failure
  }

  private async work(): Promise<void> {
    while (this.waiting !== undefined) {
      const value = this.waiting
      this.waiting = undefined
      try {
        await this.write(value)
      } catch (error) {
        this.failure ??= error
      }
    }
    this.running = undefined
  }
}
