// What the page in the browser and the server behind it say to each other, as JSON.
import type { OptionFacts } from '../core/option.js'
import type { View } from '../explain/file-options.js'
import type { Start } from '../explain/options.js'

/** What the page knows from the beginning. */
export interface Facts {
  model: string
  device: string
  /** The outputs are values without probabilities. */
  values: boolean
  /** What one output is called. */
  outputNoun: string
  /** What one input is called. */
  noun: string
  /** Names of the outputs. */
  classes: string[]
  images: ImageFacts[]
  choices: Choice[]
  colourMaps: string[]
  /** How maps of these inputs can be shown. */
  views: readonly View[]
  /** Inputs are drawn as lines, bars or text, which look better when they are made smaller smoothly. */
  drawn: boolean
  /** What the colours of each colour map mean. */
  legends: Record<string, string>
  /** The page takes images of the user's own. */
  takesImages: boolean
  /** Names of the network's outputs, where it has several. */
  heads: string[]
  /** What narrows down what is explained, as far as it fits the output. */
  narrowing: Narrowing[]
  /** How each parameter of rules is turned. */
  sliders: Record<string, Slider>
}

/** An option of the target that the page takes as text. */
export interface Narrowing {
  name: string
  help: string
  default?: string
  /** What the page begins with. */
  value?: string
}

export interface ImageFacts {
  name: string
  /** Name of the true class, where it is known. */
  label?: string
}

/** A rule, composite or method. */
export interface Choice {
  name: string
  /** What the page calls it, where that is not its name: a file without its folders. */
  label?: string
  /** `rules`: a JSON file of the user's own, by its path. */
  kind: 'rule' | 'composite' | 'rules' | 'method'
  description: string
  /** What can be turned, with what it is when it is not; null where layers differ. */
  parameters: Partial<Record<string, number | null>>
  /** How parameters that only this choice has are turned. */
  sliders?: Record<string, Slider>
}

export type Slider = NonNullable<OptionFacts['slider']>

/** One explanation that is asked for. */
export interface Question {
  /** Number of an image. */
  image: number
  /** Name of a choice. */
  choice: string
  parameters?: Record<string, number>
  topK?: number
  /** The predicted one (argmax) by default. */
  target?: 'argmax' | number
  /** Another output of the network. */
  head?: string
  /** What narrows it down, as it would be written on the command line; a reference is an image of the page. */
  narrowed?: Partial<Record<string, string>>
  start?: Start
  /** `heatmap` by default. */
  view?: View
  colourMap?: string
  quantile?: number
}

export interface Answer {
  /** The map, as a data URL, and its size in pixels. */
  picture: string
  width: number
  height: number
  /** Lines over it, as data of SVG paths in its pixels. */
  outlines: { path: string; colour: string }[]
  /** The parts of other inputs: title and picture. */
  further: { title: string; picture: string }[]
  /** Number of the explained output; -1 where none is. */
  target: number
  /** What is explained, in words. */
  explained: string
  /**
   * The strongest outputs, and the explained one. A dense output's class has the share of positions that the network gives to
   * it: of all of them, or of those in the region that is asked for. Boxes have scores.
   */
  outputs: { index: number; name: string; value: number; probability?: number }[]
  sum: number
  /** |sum of relevance - what it started from| / |what it started from|; LRP only. */
  conservationError?: number
  milliseconds: number
  warnings: string[]
  /** The same on the command line. */
  command: string
}
