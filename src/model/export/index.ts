import { dirname, extname } from 'node:path'
import { LrpError } from '../../core/errors.js'
import { makeFolder } from '../../core/files.js'
import { checkPath } from '../../core/options.js'
import { writeSafetensors } from '../import/safetensors.js'
import type { Model } from '../model.js'
import { writeOnnx } from './onnx.js'
import { EXPORT_FORMATS, type ExportFormat } from './options.js'

/**
 * Writes a model for other tools. `safetensors` contains the weights under their PyTorch names
 * (`module.load_state_dict(safetensors.torch.load_file(path))`). `onnx` contains the graph and the weights (opset 21,
 * dynamic batch).
 * @param format by default, the format that the extension of the path names
 * @throws LrpError INVALID_ARGUMENT, UNSUPPORTED naming a node for which ONNX has no operator, IO
 */
export async function exportModel(model: Model, path: string, format?: ExportFormat): Promise<void> {
  checkPath(path, 'the path of an export')
  const wanted = format ?? extname(path).slice(1).toLowerCase()
  if (!EXPORT_FORMATS.includes(wanted as ExportFormat)) {
    const formats = EXPORT_FORMATS.join(', ')
    throw new LrpError('INVALID_ARGUMENT', `'${wanted}' is not an export format: use ${formats} (--format)`)
  }
  await makeFolder(dirname(path))
  if (wanted === 'onnx') return writeOnnx(model, path)
  return writeSafetensors(path, await model.stateDict())
}
