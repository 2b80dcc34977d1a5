/** The options that methods read. */
interface MethodOptions {
  steps?: number
  noise?: number
  window?: number
  stride?: number
  camLayer?: string
  seed?: number
}

/** An attribution method, and the settings that C++ gets (native/attribution/methods/). */
interface MethodDescription {
  reference: string
  /** Its own settings, all of them, with their defaults. */
  settings: (options: MethodOptions) => Record<string, number | string | undefined>
  /** It compares with a baseline: an input without information. */
  baseline?: true
  /** What a network must have for it. */
  needs?: 'convolution' | 'attention'
  /**
   * Its maps have no negative values: they show where the evidence is, but not whether it is for or against the class.
   */
  positive?: true
}

const none = (): Record<string, never> => ({})

/** Methods by name. Adding one is one file in C++ and one entry here (docs/extending.md). */
const TABLE = {
  lrp: { reference: 'Bach et al. 2015', settings: none },
  gradient: { reference: 'Simonyan et al. 2014', settings: none },
  'input-x-gradient': { reference: 'Shrikumar et al. 2016', settings: none },
  'integrated-gradients': {
    reference: 'Sundararajan et al. 2017',
    settings: ({ steps = 20 }) => ({ steps }),
    baseline: true
  },
  smoothgrad: {
    reference: 'Smilkov et al. 2017',
    settings: ({ steps = 20, noise = 0.1, seed = 0 }) => ({ steps, noise, seed })
  },
  occlusion: {
    reference: 'Zeiler and Fergus 2014',
    settings: ({ window = 4, stride = window }) => ({ window, stride }),
    baseline: true
  },
  'grad-cam': {
    reference: 'Selvaraju et al. 2017',
    settings: ({ camLayer }) => ({ layer: camLayer }),
    needs: 'convolution',
    positive: true
  },
  'attention-rollout': { reference: 'Abnar and Zuidema 2020', settings: none, needs: 'attention', positive: true },
  chefer: { reference: 'Chefer, Gur and Wolf 2021', settings: none, needs: 'attention', positive: true },
  random: { reference: '', settings: ({ seed = 0 }) => ({ seed }) }
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
