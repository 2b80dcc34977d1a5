import type { Command } from 'commander'
import type { ProcessGroup } from '../distributed/process-group.js'
import { peerOptions } from '../distributed/options.js'
import type { CommonFlags } from './context.js'
import { addFlags } from './flags.js'

export interface PeerFlags {
  peerTimeout?: number
}

/** For commands that several processes can run together (docs/distributed.md). */
export function withPeerFlags(command: Command): Command {
  return addFlags(command, peerOptions)
}

/** The other processes, where the environment tells of some, and this one's device. */
export async function joinPeers(
  flags: PeerFlags & CommonFlags
): Promise<{ group: ProcessGroup | undefined; device: string | undefined }> {
  const { joinProcessGroup } = await import('../distributed/process-group.js')
  const group = await joinProcessGroup({ peerTimeout: flags.peerTimeout })
  return { group, device: group ? group.device(flags.device) : flags.device }
}
