/** The public API. Whatever the command line can do, these can do. */
export { LrpError, isLrpError, type ErrorCode } from './core/errors.js'
export type { DType, RawTensor, StateDict, Tensor } from './core/tensor.js'

// Models: networks are data
export type { AttributeValue, Graph, GraphNode, ModelParts, Preprocessing } from './core/graph.js'
export { Model } from './model/model.js'
export type { LoadOptions } from './model/load.js'
export {
  GraphBuilder,
  initialise,
  type Architecture,
  type ConvolutionOptions,
  type ParameterSpec
} from './model/builder.js'
export { ARCHITECTURES, buildArchitecture } from './model/architectures/index.js'
export { describeArchitectures, type ArchitectureSummary } from './model/architectures/describe.js'
export { buildLayers, readLayers, type Layer } from './model/layers.js'
export { choosePreprocessing, inputRange, normaliseBytes } from './model/preprocessing.js'
export { readImage } from './data/read-image.js'
export { importModel, readStateDict } from './model/import/index.js'
export { exportModel, EXPORT_FORMATS, type ExportFormat } from './model/export/index.js'
export { inspectModel, toMermaid, type ModelSummary, type NodeSummary } from './explain/inspect-model.js'
export { readSafetensors, writeSafetensors } from './model/import/safetensors.js'

// Data
export { datasets, DATASETS, openDataset, type DataOptions, type DatasetName } from './data/open.js'
export {
  classCounts,
  fingerprint,
  imagesOf,
  loadImages,
  type Dataset,
  type Split,
  type SplitName
} from './data/dataset.js'
export { contactSheet, inspectDataset, type DatasetSummary } from './data/inspect.js'
export { readNpy, readNpz, writeNpy, writeNpz, type NpyArray } from './data/npy.js'

// Training and experiments
export { train, LOSSES, OPTIMIZERS, type TrainOptions, type TrainResult } from './train/train.js'
export { tune, type GivenSpace, type Measure, type Trial, type TuneOptions, type TuneResult } from './tune/tune.js'
export type { BatchEvent, EpochEvent } from './native/train-types.js'
export { finetune, FINETUNE_MODES, type FinetuneMode, type FinetuneOptions } from './finetune/finetune.js'
export {
  createExperiment,
  Experiment,
  listExperiments,
  newestExperiment,
  openExperiment
} from './experiment/experiment.js'

// A page to turn rules and classes on
export { serve, type ServedPage, type ServeOptions } from './serve/server.js'

// Explanations
export {
  explain,
  METHODS,
  planRules,
  type ExplainOptions,
  type Explanation,
  type Start,
  type Target
} from './explain/explain.js'
export { explainToFiles, FORMATS, type ExplainedFiles, type ExplainToFilesOptions } from './explain/to-files.js'
export type { ExplainSummary } from './explain/summary.js'
export {
  fitPatterns,
  fitPatternsToDataset,
  loadPatterns,
  savePatterns,
  type FitPatternsOptions,
  type PatternKind
} from './explain/patterns.js'
export { RULES, ruleNames, type RuleDescription } from './rules/catalogue.js'
export { COMPOSITES, compositeNames } from './rules/composites.js'
export type { Composite, CompositeEntry, LayerKind, LayerMatch, RuleParameters } from './rules/types.js'

// Pictures and charts
export { barChart, confusionChart, lineChart, scatterChart, writeChart, type Chart, type Line } from './plot/chart.js'
export { colourMapNames } from './plot/colour-maps.js'
export { figure, figureSvg, type FigureOptions, type Panel } from './plot/figure.js'
export { filterFigure } from './plot/filters.js'
export { contours, overlay, type Outline } from './plot/overlay.js'
export {
  animation,
  heatmap,
  imagePicture,
  joinWide,
  pictureToPng,
  type HeatmapOptions,
  type Picture
} from './plot/picture.js'

// Evaluation and reports
export { testModel, type TestResult } from './scores/test-model.js'
export { testClassifier, type ClassificationResult } from './scores/test-classifier.js'
export { testRegression, type RegressionResult } from './scores/test-regression.js'
export type { TestOptions } from './scores/split-outputs.js'
export { regressionMetrics, type RegressionMetrics, type ValueScore } from './scores/regression.js'
export { classificationMetrics, type ClassificationMetrics, type ClassScore } from './scores/classification.js'
export { removeFeatures, type RemoveFeaturesOptions } from './evaluate/remove-features.js'
export { evaluate, type EvaluateOptions } from './evaluate/evaluate.js'
export { DEFAULT_METHODS, type Explainer } from './evaluate/methods.js'
export type {
  Evaluation,
  EvaluationSettings,
  MeanCurve,
  MethodEvaluation,
  MethodScore,
  RemovalPoint,
  RemovalResult
} from './evaluate/results.js'
export { DEFAULT_METRICS, METRICS } from './evaluate/metrics/registry.js'
export type { MetricDescription, MetricNeed } from './evaluate/metrics/description.js'
export { parameterRandomisation, type Similarity } from './evaluate/metrics/randomisation.js'
export { FILLS, type Fill } from './evaluate/perturbation/fills.js'
export { bootstrapMean, pairedTest, type Interval, type PairedTest } from './evaluate/statistics/intervals.js'
export { MAP_METRICS, scoreMaps, type Scores, type ScoreMapsOptions } from './evaluate/score-maps.js'
export { report, type ReportFormat } from './report/report.js'

// Is the model right for the right reasons?
export { audit, type AuditedFiles, type AuditOptions } from './audit/audit.js'
export { auditJsonSchema, type AuditResult } from './audit/result.js'
export { concepts, type ConceptsOptions, type ConceptsResult } from './concepts/concepts.js'
export { ReferenceSamples, type ReferenceOptions, type ReferenceSample } from './concepts/reference-samples.js'

// The machine
export {
  joinProcessGroup,
  ProcessGroup,
  ranksOf,
  type ProcessGroupOptions,
  type Ranks
} from './distributed/process-group.js'
export { native } from './native/addon.js'
export { packageVersion } from './core/package-version.js'
export { versions } from './native/versions.js'
