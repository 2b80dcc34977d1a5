/**
 * Networks as data, architectures, and model files of other tools.
 * @module lrp-native/models
 */
export type { AttributeValue, Graph, GraphNode, ModelParts, ParameterSpec, Preprocessing } from '../core/graph.js'
export { GraphBuilder, initialise, type Architecture, type ConvolutionOptions } from '../model/builder.js'
export { ARCHITECTURES, buildArchitecture } from '../model/architectures/index.js'
export { describeArchitectures, type ArchitectureSummary } from '../model/architectures/describe.js'
export { buildLayers, readLayers, type Layer } from '../model/layers.js'
export { importModel, readStateDict } from '../model/import/index.js'
export { readSafetensors, writeSafetensors } from '../model/import/safetensors.js'
export { toMermaid, type ModelSummary, type NodeSummary } from '../explain/inspect-model.js'
