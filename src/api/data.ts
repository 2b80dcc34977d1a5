/**
 * Data sets, images and arrays.
 * @module lrp-native/data
 */
export { DATASETS, openDataset, type DatasetName } from '../data/open.js'
export type { DataOptions } from '../data/options.js'
export {
  classCounts,
  fingerprint,
  imagesOf,
  loadImages,
  type Dataset,
  type Split,
  type SplitName
} from '../data/dataset.js'
export { contactSheet, inspectDataset, type DatasetSummary } from '../data/inspect.js'
export { readImage } from '../data/read-image.js'
export { readNpy, readNpz, writeNpy, writeNpz, type NpyArray } from '../core/npy.js'
export { choosePreprocessing, inputRange, normaliseBytes } from '../model/preprocessing.js'
