import { counted } from '../core/plural.js'
import { MOST_AREA } from './form.js'
import { LEAST_REPEATED } from './repeated-blocks.js'
import type { AuditResult } from './result.js'

const listed = (all: string[]): string => `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`

/** What an audit that flags nothing has tested, and what it cannot find. */
export function clearedText({ classes }: Pick<AuditResult, 'classes'>): [string, string] {
  const patterns = classes.reduce((sum, one) => sum + one.patterns, 0)
  const clusters = classes.flatMap((one) => one.clusters)
  const regions = clusters.filter(({ suspect }) => suspect === undefined).length
  const suspects = new Set(clusters.flatMap(({ suspect }) => suspect ?? [])).size
  const named = suspects > 0 ? [counted(suspects, 'suspected pattern')] : []
  const tested = [...named, counted(patterns, 'repeated pattern'), counted(regions, 'region')]
  const least = Math.max(...classes.map((one) => one.leastShare))
  const shares = classes.length === 1 ? 'of the class' : 'of the smallest class'
  return [
    `Nothing is flagged: ${listed(tested)} were tested, and none ` +
      `turns images of other classes into its class more often than random regions, or other pixels of the class, do.`,
    `Not searched for: patterns in fewer than ${LEAST_REPEATED} images of a class (${(100 * least).toFixed(1)} % ${shares}), ` +
      `patterns that vary from image to image, and patterns larger than ${100 * MOST_AREA} % of the image, unless they are along its border or are lines across it.`
  ]
}
