import type { Model } from './model.js'

/** What pages call a model: its experiment, else its network. */
export function titleOf({ experiment, name }: Pick<Model, 'experiment' | 'name'>): string {
  return experiment?.name ?? name
}
