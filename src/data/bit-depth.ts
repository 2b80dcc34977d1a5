/** If no 16-bit image of a data set reaches this value, the data probably has 12 or 14 bits. */
const FULL_RANGE = 2 ** 14

/** Notices data sets of 16-bit images that use less than a quarter of their range and would look nearly black. */
export class BitDepth {
  private largest: number | undefined

  see({ largest16 }: { largest16?: number }): void {
    if (largest16 !== undefined) this.largest = Math.max(this.largest ?? 0, largest16)
  }

  /** Notes on the images seen so far, as sentences. */
  notes(): string[] {
    if (this.largest === undefined || this.largest >= FULL_RANGE) return []
    const white = this.largest < 2 ** 10 ? 1023 : this.largest < 2 ** 12 ? 4095 : 16383
    const hint = `if white is ${white}, pass a --preprocess file with "white": ${white} (docs/data.md)`
    return [`the 16-bit images reach ${this.largest} of 65535 and are nearly black: ${hint}`]
  }
}
