/** An image of bytes, interleaved: the channels of a pixel are adjacent. */
export interface Pixels {
  bytes: Uint8Array
  channels: number
  height: number
  width: number
}
