/** Stable code of an error, for programs. */
export type ErrorCode =
  | 'INVALID_ARGUMENT' // a flag or option has a value it cannot have (CLI exit status 2)
  | 'NOT_FOUND' // a file, folder, experiment, layer or name does not exist
  | 'INVALID_FILE' // a file is truncated, damaged, hostile or of another format
  | 'UNSUPPORTED' // an op, format version or combination that is not supported
  | 'NUMERIC' // non-finite weights, loss or relevance
  | 'IO' // reading or writing failed: permissions, full disk
  | 'DEVICE' // CUDA is missing, out of memory, ...
  | 'PEER' // another process of a group was lost or did not answer in time
  | 'SETUP' // libtorch, compiler or addon is missing
  | 'DISPOSED' // a model was used after dispose()
  | 'ABORTED' // the caller's AbortSignal fired (CLI exit status 130)
  | 'NATIVE' // anything libtorch reported that has no better name

/** Names in damaged files may hold anything: a message stays one line and cannot steer a terminal. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g

/**
 * An error that this package throws on purpose. The message is one sentence that names the file, node or option that
 * caused it.
 */
export class LrpError extends Error {
  /** Stable code of the error, for programs. */
  readonly code: ErrorCode
  /** The option that caused the error, if it is known. */
  readonly option?: string

  /** Creates an error with this code. @param message one sentence; control characters become spaces */
  constructor(code: ErrorCode, message: string, { option, ...options }: { cause?: unknown; option?: string } = {}) {
    super(message.replace(CONTROL, ' '), options)
    this.name = 'LrpError'
    this.code = code
    if (option !== undefined) this.option = option
  }
}

/** @throws LrpError ABORTED once a caller's signal has fired */
export function checkSignal(signal?: AbortSignal): void {
  if (signal?.aborted) throw new LrpError('ABORTED', 'the work was stopped on request')
}

/** Returns true for an `LrpError`, also if another instance of this module or another realm created it. */
export function isLrpError(error: unknown): error is LrpError {
  return typeof error === 'object' && error !== null && (error as Error).name === 'LrpError'
}
