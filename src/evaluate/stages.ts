/** The steps of an evaluation: every image under every method, the random order of every image, every randomised method. */
export class Stages {
  private readonly total: number

  /** @param randomised whether weights are randomised, once for every method */
  constructor(
    private readonly methods: readonly string[],
    private readonly images: number,
    randomised: boolean,
    private readonly onProgress?: (done: number, total: number, stage: string) => void
  ) {
    this.total = (methods.length + 1) * images + (randomised ? methods.length : 0)
  }

  /** `done` images are explained and perturbed under method `m`. */
  explained(m: number, done: number): void {
    this.tell(m * this.images + done, `image ${done} of ${this.images}, ${this.methods[m]!}`)
  }

  /** The random orders of `done` images are drawn. */
  drawn(done: number): void {
    this.tell(this.methods.length * this.images + done, `random orders ${done} of ${this.images}`)
  }

  /** Weights are randomised under `done` methods. */
  randomised(done: number): void {
    const count = this.methods.length
    this.tell((count + 1) * this.images + done, `parameter randomisation, method ${done} of ${count}`)
  }

  private tell(done: number, stage: string): void {
    this.onProgress?.(done, this.total, stage)
  }
}
