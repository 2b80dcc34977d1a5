import { LrpError } from '../core/errors.js'
import { entriesOf } from '../core/option.js'
import { targetOptions } from '../explain/targets/options.js'
import type { Model } from '../model/model.js'
import type { Narrowing } from './protocol.js'

/** Options of a target that go with an output of this number of axes, the batch included. */
const BY_AXES: Record<number, string[]> = { 2: ['against', 'reference'], 3: ['box', 'region', 'against'] }
const DENSE = ['region', 'against']

const ENTRIES = new Map(entriesOf(targetOptions).map((entry) => [String(entry.path[0]), entry.facts]))

/** What the page takes to narrow a target down. */
export function narrowingFor(model: Model): Narrowing[] {
  const axes = model.graph.shapes?.[model.graph.output]?.length ?? 4
  const fitting = BY_AXES[axes] ?? DENSE
  return fitting
    .filter((name) => name !== 'against' || model.task !== 'regression' || model.isInner)
    .filter((name) => name !== 'reference' || maybeEmbedding(model))
    .map((name) => {
      const { help, default: usual } = ENTRIES.get(name)!
      const isBoxes = name === 'box' && model.inputKind === 'image' // an image's output without height and width is boxes
      return { name, help, ...(usual !== undefined && { default: usual }), ...(isBoxes && { value: 'best' }) }
    })
}

/** Outputs with names of classes, and values, are no embedding; one of several outputs may be. */
function maybeEmbedding(model: Model): boolean {
  return headsOf(model).length > 0 || (model.task === 'classification' && model.classes === undefined)
}

/** Names of the network's outputs, where it has several. */
export function headsOf({ parts, graph }: Model): string[] {
  const { outputs = [], outputNames = outputs } = parts.whole?.graph ?? graph
  return outputNames.length > 1 ? outputNames : []
}

/**
 * The values of what the page says, as flags have them.
 * @throws LrpError INVALID_ARGUMENT for a name that narrows nothing down
 */
export function narrowedBy(texts: Partial<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const facts = ENTRIES.get(name)
      if (!facts) throw new LrpError('INVALID_ARGUMENT', `'${name}' is not a setting of the target`)
      if (name === 'region' && !/^(predicted|all|\d+(,\d+)?)$/.test(text!))
        throw new LrpError(
          'INVALID_ARGUMENT',
          `the setting 'region' must be predicted, all or y,x here (got '${text!.slice(0, 50)}')`
        )
      const number = /^\d+$/.test(text!) ? Number(text) : text
      return [name, facts.read ? facts.read([text!]) : number]
    })
  )
}
