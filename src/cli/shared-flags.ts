import type { Command } from 'commander'
import type { z } from 'zod'
import { dataOptions, type DataOptions } from '../data/options.js'
import { explainOptions, type ExplainOptions } from '../explain/options.js'
import { targetOptions } from '../explain/targets/options.js'
import { namesOf } from '../core/option.js'
import { loadOptions } from '../model/options.js'
import { Model } from '../model/model.js'
import { MODEL } from './command.js'
import { addFlags, optionsOf } from './flags.js'

/** Flags as commander leaves them; `optionsOf` makes options of them. */
export type DataFlags = Pick<DataOptions, 'data' | 'dataPath'>

const dataFlags = dataOptions.omit({ task: true, preprocessing: true, randomCrop: true })

/** Where images come from. */
export function withDataFlags(command: Command): Command {
  return addFlags(command, dataFlags)
}

/** The data set flags that were given. */
export function givenData(flags: object): DataOptions {
  return optionsOf(dataFlags, flags)
}

export interface ModelFlags {
  experiments?: string
  preprocess?: string
  architecture?: string
  classes?: string
  inputShape?: number[]
}

/** Which model, and how its images are prepared. */
export function withModelFlags(command: Command): Command {
  return addFlags(command.argument(...MODEL), loadOptions)
}

/** The model that is meant. */
export function openModel(name: string | undefined, flags: object): Promise<Model> {
  return Model.load(name, optionsOf(loadOptions, flags))
}

const ruleFlags = explainOptions.omit({
  ...namesOf(targetOptions),
  together: true,
  layers: true
})

export interface RuleFlags {
  method?: string
  rule?: string
  composite?: string
  rules?: string
  patterns?: string
}

/** How relevance is propagated. */
export function withRuleFlags(command: Command, others: z.ZodRawShape = {}): Command {
  return addFlags(command, ruleFlags.extend(others))
}

export function ruleOptions(flags: object): ExplainOptions {
  const { patterns: _, ...given } = optionsOf(ruleFlags, flags)
  return given
}
