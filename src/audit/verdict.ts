import { counted } from '../core/plural.js'
import type { ChannelIntervention } from './cluster-channels.js'
import type { Flips, Intervention } from './intervene.js'

/** How a pattern holds a class: its images need it, or it makes any image one of the class, which its images do not need. */
export type Kind = 'decides' | 'enough'

/** An insertion that turns fewer images than this, by the lower end of its interval, proves nothing. */
const LEAST_INSERTED = 0.4
/**
 * The same of a pattern whose images stay in the class without it, or that nearly all images of the class have, so that no others are
 * left to compare it with: pasting it turns most images.
 */
const LEAST_MOST = 0.5

/**
 * A pattern is enough for the class if pasting it turns images of other classes clearly more often than random regions do, and
 * than what other images of the class show at its place. It decides the class if filling it in turns its own images, too.
 * @returns undefined where neither is proven
 */
export function kindOf({ removed, inserted, random, peers }: Intervention): Kind | undefined {
  const low = inserted.interval[0]
  const turns =
    low >= (peers ? LEAST_INSERTED : LEAST_MOST) && low > random.interval[1] && (!peers || low > peers.interval[1])
  if (!turns) return undefined
  if (removed.interval[0] > random.interval[1]) return 'decides'
  return peers && low >= LEAST_MOST ? 'enough' : undefined
}

/** `1 of 80 images called 8 changes class`: how many images do what the verb says. */
function does({ flips, images }: Flips, which: string, one: string, many: string, rest: string): string {
  const count = Math.round(flips * images)
  const verb = count === 1 || images === 1 ? one : many
  return [`${count} of ${counted(images, 'image')}`, which, verb, rest].filter((part) => part !== '').join(' ')
}

/** The verdict in words. @param what such as "a patch of 4x4 pixels at the upper left" */
export function reasonOf(className: string, what: string, intervention: Intervention, kind: Kind | undefined): string {
  const { removed, inserted, random, peers } = intervention
  const without =
    removed.images === 0
      ? `no image called ${className} shows ${what}`
      : does(removed, `called ${className}`, 'changes', 'change', `class when ${what} is filled in`)
  const facts =
    `${without}; ` +
    `${does(inserted, 'of other classes', 'becomes', 'become', `${className} when it is pasted in`)}; ` +
    does(random, '', 'changes', 'change', 'when a random region of the same shape is changed instead')
  if (kind === 'decides') return `Decides the class: ${facts}.`
  if (kind === undefined) return `${facts}: no proof that it decides the class.`
  const pasted = `${className} when pixels of other images of ${className} are pasted there`
  const others = removed.images === 0 ? '' : ' Images of this class also contain other evidence for the class.'
  return `Enough by itself: ${facts}; ${does(peers!, '', 'becomes', 'become', pasted)}.${others}`
}

/** Of images that show a pattern without being called its class; nothing if there are none. */
export function otherwiseText(className: string, images: number): string {
  if (images === 0) return ''
  const [show, are] = images === 1 ? ['shows', 'is'] : ['show', 'are']
  return ` ${counted(images, 'image')} labelled ${className} ${show} it too, but ${are} classified differently.`
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

/** Where a box lies: "in the upper left", "in the middle". */
export function placeInWords(
  where: { x: number; y: number; width: number; height: number } | null,
  [height, width]: [number, number]
): string {
  if (!where) return 'at a location that varies'
  const third = (centre: number, whole: number, names: [string, string, string]): string =>
    names[Math.min(2, Math.floor((3 * centre) / whole))]!
  const row = third(where.y + where.height / 2, height, ['upper', '', 'lower'])
  const column = third(where.x + where.width / 2, width, ['left', '', 'right'])
  if (row === '' && column === '') return 'in the middle'
  if (column === '') return row === 'upper' ? 'at the top' : 'at the bottom'
  return row === '' ? `on the ${column}` : `at the ${row} ${column}`
}
