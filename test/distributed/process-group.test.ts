import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  batchFor,
  joinProcessGroup,
  ProcessGroup,
  ranksOf,
  shareOfImages
} from '../../src/distributed/process-group.js'
import type { NativeProcessGroup } from '../../src/native/handles.js'

const meeting = { MASTER_ADDR: 'node1', MASTER_PORT: '1234' }
const unused = undefined as unknown as NativeProcessGroup
const groupOf = (rank: number, size: number): ProcessGroup =>
  new ProcessGroup({ rank, size, localRank: rank, address: '', port: 1 }, unused)

describe('ranksOf', () => {
  test.each([
    ['torchrun', { RANK: '5', WORLD_SIZE: '8', LOCAL_RANK: '1' }],
    ['srun', { SLURM_PROCID: '5', SLURM_NTASKS: '8', SLURM_LOCALID: '1' }],
    ['mpirun', { OMPI_COMM_WORLD_RANK: '5', OMPI_COMM_WORLD_SIZE: '8', OMPI_COMM_WORLD_LOCAL_RANK: '1' }]
  ])('reads what %s sets', (_, env) => {
    expect(ranksOf({ ...meeting, ...env })).toEqual({ rank: 5, size: 8, localRank: 1, address: 'node1', port: 1234 })
  })

  test('a process by itself has none', () => {
    expect(ranksOf({})).toBeUndefined()
    expect(ranksOf({ ...meeting })).toBeUndefined()
    expect(ranksOf({ ...meeting, RANK: '0', WORLD_SIZE: '1' })).toBeUndefined()
    expect(ranksOf({ SLURM_PROCID: '0', SLURM_NTASKS: '8' })).toBeUndefined()
  })

  test.each([
    [{ RANK: '0', WORLD_SIZE: '2' }, /MASTER_ADDR is not set/],
    [{ ...meeting, RANK: '2', WORLD_SIZE: '2' }, /RANK must be a whole number from 0 to 1, not '2'/],
    [{ ...meeting, RANK: '-1', WORLD_SIZE: '2' }, /RANK must be/],
    [{ ...meeting, RANK: '', WORLD_SIZE: '2' }, /RANK must be/],
    [{ ...meeting, RANK: '0', WORLD_SIZE: 'two' }, /WORLD_SIZE must be/],
    [{ ...meeting, RANK: '0', WORLD_SIZE: '2', MASTER_PORT: '70000' }, /MASTER_PORT must be/],
    [{ ...meeting, RANK: '0', WORLD_SIZE: '2', LOCAL_RANK: 'a' }, /LOCAL_RANK must be/],
    [{ RANK: '0' }, /only one of the variables RANK and WORLD_SIZE is set \(RANK\): set both/],
    [{ WORLD_SIZE: '2' }, /WORLD_SIZE is set/]
  ])('%j is refused', (env, message) => {
    expect(() => ranksOf(env)).toThrow(message)
  })
})

test('a peer timeout must be above 0', async () => {
  await expect(joinProcessGroup({ peerTimeout: 0, env: {} })).rejects.toThrow(/peerTimeout/)
  await expect(joinProcessGroup({ env: {} })).resolves.toBeUndefined()
})

test('shares of images cover all of them once, in whole batches', () => {
  const some = fc.integer({ min: 1, max: 300 })
  fc.assert(
    fc.property(some, some, fc.integer({ min: 1, max: 9 }), (total, batch, size) => {
      const shares = Array.from({ length: size }, (_, rank) => shareOfImages(total, batch, groupOf(rank, size)))
      let at = 0
      for (const [first, last] of shares) {
        expect(first).toBe(at)
        if (last > first) expect(first % batch).toBe(0)
        at = last
      }
      expect(at).toBe(total)
      expect(shareOfImages(total, batch)).toEqual([0, total])
      expect(batchFor(64, total, groupOf(0, size))).toBeLessThanOrEqual(64)
    })
  )
})
