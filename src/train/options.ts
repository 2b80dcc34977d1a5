import type { Dataset } from '../data/dataset.js'
import type { DownloadProgress } from '../data/mnist.js'
import type { ProcessGroup } from '../distributed/process-group.js'
import type { Experiment } from '../experiment/experiment.js'
import type { LoadOptions } from '../model/options.js'
import type { BatchEvent, EpochEvent } from '../native/train-types.js'
import { SETTINGS_NAMES, type GivenSettings } from './settings.js'

/** Everything of `settingsSchema` (settings.ts), and where and how the run happens. */
export interface TrainOptions extends Omit<GivenSettings, 'data'> {
  /** Name of a data set (`digits` by default) or an opened one. */
  data?: string | Dataset
  /** Image folders: a broken image is an error instead of being left out. */
  strict?: boolean
  /** The architecture of `from`, where that is a file of weights alone. */
  load?: Pick<LoadOptions, 'architecture' | 'preprocess'>
  device?: string
  /** Folder name below the experiments root; `<model>-<data set>` by default. */
  experimentName?: string
  experimentsRoot?: string
  /** Stopped experiment to continue, in its own folder and with its own settings; `epochs` may be raised. */
  resume?: string
  /** Ends after this epoch of `epochs`, as a stop would; `resume` continues. */
  untilEpoch?: number
  /** Scores the best model on the test split at the end (default true). */
  test?: boolean
  /** Processes that share every batch (`joinProcessGroup`); rank 0 alone writes the experiment. */
  group?: ProcessGroup
  onProgress?: (event: BatchEvent | EpochEvent) => void
  /** The data set as it was opened, before anything is trained. */
  onData?: (dataset: Dataset) => void
  /** The experiment of the run, before anything is trained. */
  onExperiment?: (experiment: Experiment) => void
  /** Images that passed through the frozen layers so far, before the epochs begin. */
  onFeatures?: (done: number, total: number) => void
  onDownload?: DownloadProgress
  signal?: AbortSignal
}

export const TRAIN_NAMES: Record<keyof TrainOptions, true> = {
  ...SETTINGS_NAMES,
  strict: true,
  load: true,
  device: true,
  experimentName: true,
  experimentsRoot: true,
  resume: true,
  untilEpoch: true,
  test: true,
  group: true,
  onProgress: true,
  onData: true,
  onExperiment: true,
  onFeatures: true,
  onDownload: true,
  signal: true
}
