import { recordedSettings, type RecordedSettings } from '../core/command-line.js'
import type { Model } from './model.js'
import { loadOptions } from './options.js'

/** The folder of the experiments does not change a model. */
const recorded = loadOptions.omit({ experimentsRoot: true })

/** The options that a model was loaded with, by their flags: what a command needs besides its own to repeat a result. */
export function loadedWith({ source }: Pick<Model, 'source'>): RecordedSettings {
  return recordedSettings(recorded, source?.options ?? {})
}
