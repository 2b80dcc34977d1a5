import { setImmediate } from 'node:timers/promises'

/** Values of a strided view that are moved before the event loop has its turn: a few milliseconds. */
const AT_ONCE = 1 << 18

interface Strided {
  shape: readonly number[]
  strides: readonly number[]
}

/** How many elements of its storage a view spans. */
export function extentOf({ shape, strides }: Strided): number {
  return shape.includes(0) ? 0 : shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i]!, 1)
}

/** Row-major bytes of a view whose elements have `size` bytes and begin at byte 0. */
export async function dense(bytes: Uint8Array, { shape, strides }: Strided, size: number): Promise<Uint8Array> {
  let count = 1
  let rowMajor = true
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== count) rowMajor = false
    count *= shape[i]!
  }
  if (rowMajor || count === 0) return bytes
  const result = new Uint8Array(count * size)
  const index = shape.map(() => 0)
  for (let i = 0, from = 0; i < count; i++) {
    if (i % AT_ONCE === AT_ONCE - 1) await setImmediate()
    for (let k = 0; k < size; k++) result[i * size + k] = bytes[from * size + k]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return result
}
