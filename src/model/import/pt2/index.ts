import { basename, extname } from 'node:path'
import type { ModelParts } from '../../../core/graph.js'
import { readFrom } from '../../../core/file-range.js'
import { ZipArchive } from '../../../core/zip.js'
import type { GivenInputs } from '../inputs.js'
import { readGraph, readWeights } from './archive.js'
import { followBatch } from './batch.js'
import { foldConstants } from './fold.js'
import { functional, needed } from './functional.js'
import { readProgram } from './read.js'
import { simplified } from './simplify.js'
import { Translation } from './translate.js'

/**
 * Reads a `.pt2` archive of `torch.export.save`, graph and weights (the formats of PyTorch 2.5 to 2.11).
 * @param given of several inputs, which one is explained and arrays for the others
 * @throws LrpError INVALID_FILE, UNSUPPORTED naming node and op, NOT_FOUND, IO
 */
export function importPt2(path: string, given: GivenInputs = {}): Promise<ModelParts> {
  return readFrom(path, async (whole) => {
    const archive = await ZipArchive.open(whole)
    const graph = await readGraph(archive, path)
    const weights = await readWeights(archive, path)
    const read = followBatch(simplified(needed(functional(readProgram(graph, weights, path, given)))))
    const { program, tensors } = await foldConstants(read, weights)
    return { name: basename(path, extname(path)), ...new Translation(program, tensors).run() }
  })
}
