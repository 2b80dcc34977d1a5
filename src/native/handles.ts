/** Stops the call that it is passed to, within a batch. */
export interface NativeCancelToken {
  cancel(): void
}

/** The rules of a network's nodes, read once for many passes. */
export interface NativeRules {
  /** Only rules that C++ has read are of this type. */
  readonly [resolved]: true
}
declare const resolved: unique symbol

/** Where processes meet; timeout in seconds. */
export interface NativeProcessGroupOptions {
  rank: number
  size: number
  address: string
  port: number
  /** The store at the address is the launcher's, not rank 0's. */
  launcherHosts: boolean
  prefix: string
  /** Of this machine; chosen by its host name when empty. */
  networkInterface: string
  timeout: number
}

/** Several processes that compute together. */
export interface NativeProcessGroup {
  connect(): Promise<void>
  /** Settles what tensors on a device (`cpu`, `cuda:0`) pass over; native/train/distributed/process_group.h. */
  prepare(device: string): Promise<string>
  /** The bytes of every process, by rank. */
  gather(bytes: Uint8Array): Promise<Uint8Array[]>
}
