/**
 * Import from ONNX and export to ONNX.
 * @module lrp-native/onnx
 */
export { importOnnx } from '../model/import/onnx/index.js'
export { writeOnnx } from '../model/export/onnx.js'
export { exportModel } from '../model/export/index.js'
export { EXPORT_FORMATS, type ExportFormat } from '../model/export/options.js'
