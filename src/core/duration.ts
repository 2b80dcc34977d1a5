/** A time for readers, with three significant digits: `72.9 ms`, `1.24 s`. */
export function duration(milliseconds: number): string {
  const rounded = (value: number): string => String(Number(value.toPrecision(3)))
  return milliseconds < 999.5 ? `${rounded(milliseconds)} ms` : `${rounded(milliseconds / 1000)} s`
}
