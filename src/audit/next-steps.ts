import { join } from 'node:path'
import { commandText, recordedSettings } from '../core/command-line.js'
import { pickOptions } from '../core/option.js'
import { ownData } from '../data/for-model.js'
import { dataOptions } from '../data/options.js'
import type { Model } from '../model/model.js'
import { titleOf } from '../model/title.js'
import { trainSettings } from '../train/options.js'
import { auditOptions, type AuditOptions } from './options.js'
import type { AuditResult } from './result.js'
import { patchName } from './patch-png.js'

/** Something to do about flagged clusters, and its command. */
export interface NextStep {
  what: string
  command: string
}

/** What can be done about the flagged clusters of a result, in order; nothing where nothing is flagged. */
export function nextSteps(model: Model, result: AuditResult, options: AuditOptions, folder: string): NextStep[] {
  if (result.flagged.length === 0) return []
  const { called = titleOf(model), loadedWith = {}, output } = options
  const listsAll = result.split === 'all'
  const lists = listsAll ? folder : `${folder}-all`
  const audit = (model: string | undefined, more: object): string =>
    commandText('audit', model, {
      ...loadedWith,
      ...recordedSettings(auditOptions, { ...options, split: 'all', exportLists: undefined, format: undefined }),
      ...more
    })
  const own = listsAll ? output : lists
  const data = recordedSettings(
    dataOptions,
    pickOptions(dataOptions.pick({ data: true, dataPath: true }), ownData(model, options))
  )
  const finetune = (more: object): string =>
    commandText('finetune', called, { ...loadedWith, mode: 'whole', ...data, ...more })
  const exclude = { exclude: join(lists, 'flagged.csv') }
  const { command } = model.experiment?.manifest ?? {}
  const again =
    command?.name === 'train'
      ? commandText('train', undefined, { ...recordedSettings(trainSettings, command), ...exclude })
      : finetune(exclude)
  const list = {
    what: listsAll
      ? 'List the images of flagged clusters, and cut out their patterns'
      : 'Audit training, validation and test images, list the images of flagged clusters, and cut out their patterns',
    command: audit(called, { exportLists: true, ...(own !== undefined && { output: own }) })
  }
  return [
    ...(listsAll && options.exportLists ? [] : [list]),
    { what: 'Check the list, and train without these images', command: again },
    ...result.flagged.map(({ class: name, cluster }) => ({
      what: `Alternatively, paste the pattern of class ${name}, cluster ${cluster} into images of all classes`,
      command: finetune({ augment: `insert=${join(lists, patchName(name, cluster))}` })
    })),
    { what: 'Audit the new model', command: audit(undefined, {}) }
  ]
}
