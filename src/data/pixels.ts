/** An image of bytes, pixel after pixel. */
export interface Pixels {
  bytes: Uint8Array
  channels: number
  height: number
  width: number
}
