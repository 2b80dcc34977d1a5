import { counted } from '../core/plural.js'
import type { ChannelIntervention } from './cluster-channels.js'
import type { Flips, Intervention } from './intervene.js'

/** An insertion that turns fewer images than this, by the lower end of its interval, proves nothing. */
const LEAST_INSERTED = 0.3

/**
 * A pattern decides the class if pasting it turns images of other classes, and filling it in turns its own, both clearly
 * more often than random regions do, and more often than what other images of the class show at its place.
 */
export function isDecisive({ removed, inserted, random, peers }: Intervention): boolean {
  const low = inserted.interval[0]
  return (
    low >= LEAST_INSERTED &&
    low > random.interval[1] &&
    removed.interval[0] > random.interval[1] &&
    (peers === undefined || low > peers.interval[1])
  )
}

/** `1 of 80 images called 8 changes class`: how many images do what the verb says. */
function does({ flips, images }: Flips, which: string, one: string, many: string, rest: string): string {
  const count = Math.round(flips * images)
  const verb = count === 1 || images === 1 ? one : many
  return [`${count} of ${counted(images, 'image')}`, which, verb, rest].filter((part) => part !== '').join(' ')
}

/** The verdict in words. @param what such as "a patch of 4x4 pixels at the upper left" */
export function reasonOf(className: string, what: string, intervention: Intervention, flagged: boolean): string {
  const { removed, inserted, random } = intervention
  const facts =
    `${does(removed, `called ${className}`, 'changes', 'change', `class when ${what} is filled in`)}; ` +
    `${does(inserted, 'of other classes', 'becomes', 'become', `${className} when it is pasted in`)}; ` +
    does(random, '', 'changes', 'change', 'when a random region of the same form is changed instead')
  return flagged ? `${facts}.` : `${facts}: no proof that it decides the class.`
}

/** The same of a cluster's channels, whose activation was replaced. */
export function channelReason(className: string, layer: string, intervention: ChannelIntervention): string {
  const { channels, removed, inserted, random } = intervention
  const named = `${channels.length === 1 ? 'channel' : 'channels'} ${channels.join(', ')} of layer ${layer}`
  const pasted = `${className} when given the activation from this cluster`
  return [
    does(removed, '', 'changes', 'change', `class when ${named} ${channels.length === 1 ? 'is' : 'are'} set to 0`),
    ...(inserted.images > 0 ? [does(inserted, 'of other classes', 'becomes', 'become', pasted)] : []),
    `${does(random, '', 'changes', 'change', 'when random channels are replaced instead')}.`
  ].join('; ')
}

/** Where a box lies: "in the upper left", "in the middle", "along the border". */
export function placeInWords(
  where: { x: number; y: number; width: number; height: number } | null,
  [height, width]: [number, number]
): string {
  if (!where) return 'at a place that varies'
  if (where.width > 0.8 * width && where.height > 0.8 * height) return 'along the border'
  const third = (centre: number, whole: number, names: [string, string, string]): string =>
    names[Math.min(2, Math.floor((3 * centre) / whole))]!
  const row = third(where.y + where.height / 2, height, ['upper', '', 'lower'])
  const column = third(where.x + where.width / 2, width, ['left', '', 'right'])
  if (row === '' && column === '') return 'in the middle'
  if (column === '') return row === 'upper' ? 'at the top' : 'at the bottom'
  return row === '' ? `on the ${column}` : `at the ${row} ${column}`
}
