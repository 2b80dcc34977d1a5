import { native, toLrpError, type OpRecord } from './addon.js'

const records = new Map<string, OpRecord>()

/** What C++ knows of a node's op. @throws LrpError UNSUPPORTED for an op that a graph must not use */
export function recordOf({ op }: { op: string }): OpRecord {
  let record = records.get(op)
  try {
    if (!record) records.set(op, (record = native().opRecord(op)))
  } catch (error) {
    throw toLrpError(error)
  }
  return record
}
