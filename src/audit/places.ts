/** Places of the values that are wanted. */
export function placesWith<T>(values: ArrayLike<T>, wanted: (value: T) => boolean): number[] {
  return Array.from({ length: values.length }, (_, i) => i).filter((i) => wanted(values[i]!))
}
