/**
 * Writes values one after the other, and skips those that a newer one replaced while another was being written, or within
 * the pause after it. The last value offered is always written, and writing never falls behind.
 */
export class CoalescingWriter<T> {
  private waiting: T | undefined
  private running: Promise<void> | undefined
  private failure: unknown
  private hurry = false
  private wake: (() => void) | undefined

  /** @param pause milliseconds between the starts of two writes */
  constructor(
    private readonly write: (value: T) => Promise<void>,
    private readonly pause = 0
  ) {}

  offer(value: T): void {
    this.waiting = value
    this.running ??= this.work()
  }

  /** Writes what is left without pausing; rejects with the first error that writing met. */
  async settled(): Promise<void> {
    this.hurry = true
    this.wake?.()
    await this.running
    if (this.failure !== undefined) throw this.failure
  }

  private async work(): Promise<void> {
    while (this.waiting !== undefined) {
      const value = this.waiting
      const begun = performance.now()
      this.waiting = undefined
      try {
        await this.write(value)
      } catch (error) {
        this.failure ??= error
      }
      await this.rest(this.pause - (performance.now() - begun))
    }
    this.running = undefined
  }

  private async rest(milliseconds: number): Promise<void> {
    if (this.hurry || milliseconds <= 0) return
    await new Promise<void>((resolve) => {
      this.wake = resolve
      setTimeout(resolve, milliseconds).unref()
    })
    this.wake = undefined
  }
}
