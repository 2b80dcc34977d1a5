/** How well a network tells the class of every pixel. */
export interface SegmentationMetrics {
  images: number
  pixels: number
  /** Share of the pixels whose class is right. */
  pixelAccuracy: number
  /** Mean over the classes that the masks or the network have. */
  meanIoU: number
  perClass: {
    class: string
    /** Intersection over union of the pixels that have the class and those that get it; null if there are none. */
    iou: number | null
    /** Pixels that have the class. */
    pixels: number
  }[]
  /** True class, predicted class. */
  confusion: number[][]
}

/** Counts pixels by true and predicted class. */
export class PixelCounts {
  private readonly counts: Float64Array
  images = 0

  constructor(private readonly classes: number) {
    this.counts = new Float64Array(classes * classes)
  }

  /** @param labels classes of an image's positions; `undefined` where one is left out */
  add(predicted: ArrayLike<number>, labels: (number | undefined)[]): void {
    this.images++
    labels.forEach((label, at) => {
      if (label !== undefined) this.counts[label * this.classes + predicted[at]!]!++
    })
  }

  metrics(names: readonly string[]): SegmentationMetrics {
    const { classes } = this
    const all = Array.from({ length: classes }, (_, c) => c)
    const at = (label: number, predicted: number): number => this.counts[label * classes + predicted]!
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
    const perClass = all.map((c) => {
      const [have, get] = [sum(all.map((other) => at(c, other))), sum(all.map((other) => at(other, c)))]
      const union = have + get - at(c, c)
      return { class: names[c] ?? String(c), iou: union > 0 ? at(c, c) / union : null, pixels: have }
    })
    const found = perClass.flatMap(({ iou }) => iou ?? [])
    const pixels = sum(perClass.map((one) => one.pixels))
    return {
      images: this.images,
      pixels,
      pixelAccuracy: sum(all.map((c) => at(c, c))) / pixels,
      meanIoU: sum(found) / found.length,
      perClass,
      confusion: all.map((c) => all.map((other) => at(c, other)))
    }
  }
}
