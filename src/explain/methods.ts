/** What is in force where an option is not given: a value, or one that follows from the method's options before it. */
type Usual = number | string | undefined | ((settings: Settings) => number | string | undefined)
type Settings = Record<string, number | string | undefined>

/** An attribution method: what it is, and the options that it reads. */
interface MethodDescription {
  reference: string
  /** Options of `explain` that only some methods read, with their defaults; C++ gets them by the same names. */
  reads?: Readonly<Record<string, Usual>>
  /** It compares with a baseline: an input without information. */
  baseline?: true
  /** What it computes in the same pass: relevance at `layers`, of further `inputs`, of attention `heads`. */
  also?: readonly ('layers' | 'inputs' | 'heads')[]
  /** Every image makes passes of its own, on all threads: its map has the same bits in every batch. */
  imageByImage?: true
  /** What a network must have for it. */
  needs?: 'convolution' | 'attention'
  /**
   * Its maps have no negative values: they show where the evidence is, but not whether it is for or against the class.
   */
  positive?: true
}

/** Methods by name. Adding one is one file in C++ and one entry here (docs/extending.md). */
const TABLE = {
  lrp: { reference: 'Bach et al. 2015', also: ['layers', 'inputs', 'heads'] },
  gradient: { reference: 'Simonyan et al. 2014', also: ['layers', 'inputs'] },
  'input-x-gradient': { reference: 'Shrikumar et al. 2016', also: ['layers', 'inputs'] },
  'integrated-gradients': { reference: 'Sundararajan et al. 2017', reads: { steps: 20 }, baseline: true },
  smoothgrad: { reference: 'Smilkov et al. 2017', reads: { steps: 20, noise: 0.1, seed: 0 }, imageByImage: true },
  occlusion: {
    reference: 'Zeiler and Fergus 2014',
    reads: { window: 4, stride: ({ window }) => window },
    baseline: true
  },
  'grad-cam': {
    reference: 'Selvaraju et al. 2017',
    reads: { camLayer: undefined },
    needs: 'convolution',
    positive: true
  },
  'attention-rollout': {
    reference: 'Abnar and Zuidema 2020',
    also: ['heads'],
    needs: 'attention',
    positive: true
  },
  chefer: { reference: 'Chefer, Gur and Wolf 2021', also: ['heads'], needs: 'attention', positive: true },
  random: { reference: '', reads: { seed: 0 } }
} as const satisfies Record<string, MethodDescription>

export type MethodName = keyof typeof TABLE

/** Names of the attribution methods. */
export const METHODS = Object.keys(TABLE) as [MethodName, ...MethodName[]]

/** Whether maps of a method, or of a rule or composite of LRP, have no negative values by definition. */
export function isPositive(name: string): boolean {
  return METHODS.some((method) => method === name && describeMethod(method).positive)
}

export function describeMethod(name: MethodName): MethodDescription {
  return TABLE[name]
}

/** Facts of an option that only some methods read: which ones, and its default if that is a value. */
export function readBy(option: string): { only: { method: MethodName[] }; default?: string } {
  const method = METHODS.filter((name) => option in (describeMethod(name).reads ?? {}))
  const usual = new Set(method.map((name) => describeMethod(name).reads![option]))
  const [value] = usual
  const isValue = usual.size === 1 && (typeof value === 'number' || typeof value === 'string')
  return { only: { method }, ...(isValue && { default: String(value) }) }
}

/** Methods that compare with a baseline. */
export const WITH_BASELINE = METHODS.filter((name) => describeMethod(name).baseline)

/** Methods that also compute something in the same pass. */
export function alsoComputing(what: 'layers' | 'inputs' | 'heads'): MethodName[] {
  return METHODS.filter((name) => describeMethod(name).also?.includes(what))
}

/** A method's own settings, all of them, as C++ reads them. */
export function settingsOf(name: MethodName, options: object): Settings {
  const given = options as Settings
  const settings: Settings = {}
  for (const [option, usual] of Object.entries(describeMethod(name).reads ?? {}))
    settings[option] = given[option] ?? (typeof usual === 'function' ? usual(settings) : usual)
  return settings
}
