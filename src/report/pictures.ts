import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nounOf, placeNoun, type InputKind } from '../model/input-kind.js'
import { embedded, html, type Html } from '../plot/html.js'
import type { ExperimentReport } from './gather.js'

/** Shows one method of a group of sections at a time. */
export function methodChooser(group: string, names: string[]): Html {
  return html`<label
    >Method
    <select data-group="${group}">
      ${names.map((name) => html`<option value="${name}">${name}</option>`)}
    </select></label
  >`
}

interface GridOptions {
  /** Of which class the input of a picture is, by the picture's name. */
  classOf?: (name: string) => string | undefined
  /** What the inputs are. */
  kind?: InputKind
}

/** Pictures of an experiment, embedded; one that is much wider than high gets a row of its own. */
export function pictureGrid(
  experiment: ExperimentReport,
  paths: string[],
  { classOf = () => undefined, kind = 'image' }: GridOptions = {}
): Html {
  return html`<div class="grid">
    ${paths.map((path) => {
      const name = path.replace(/^explanations\/[^/]+\/|^.*\//, '').replace(/\.png$/, '')
      const predicted = classOf(name)
      const png = readFileSync(join(experiment.folder, path))
      return html`<figure
        ${isWide(png) && html`class="wide"`}
        ${predicted !== undefined && html`data-class="${predicted}"`}
      >
        <img src="${embedded(png)}" alt="${alternative(path, name, kind)}" />
        <figcaption>${titleOf(path, kind) ?? name}</figcaption>
      </figure> `
    })}
  </div>`
}

/** Wider pictures cannot be read in half of the page. */
const WIDE = 960

/** Whether a PNG, whose header holds its size, is wide and low. */
function isWide(png: Buffer): boolean {
  if (png.length < 24) return false
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
  return width > WIDE && width > 2 * height
}

function titleOf(path: string, kind: InputKind): string | undefined {
  const places = `${placeNoun(kind)}s`
  const titles: Record<string, string> = {
    ...TITLES,
    'evaluation/morf': `Most relevant ${places} replaced first`,
    'evaluation/lerf': `Least relevant ${places} replaced first`,
    'evaluation/perturbed': `The first ${nounOf(kind)} after each step of replacing ${places}`
  }
  if (path.endsWith('curve.png')) return `Confidence over the share of removed ${places}`
  return titles[path.replace(/\.png$/, '')]
}

/** Charts by the path of their file, without its ending. */
const TITLES: Record<string, string> = {
  'charts/loss': 'Loss per epoch',
  'charts/accuracy': 'Accuracy per epoch',
  'test/confusion': 'Confusion matrix',
  'test/per-class': 'Accuracy per class',
  'test/predictions': 'Predicted and true values',
  'test/worst-errors': 'Largest errors',
  'evaluation/randomisation': 'Similarity of the maps after parameter randomisation'
}

function alternative(path: string, name: string, kind: InputKind): string {
  const places = `${placeNoun(kind)}s`
  if (path.startsWith('charts/')) return `Chart of ${name} for each epoch; history.csv contains the numbers`
  if (path.startsWith('test/')) return `${name} of the test; the tables contain the numbers`
  if (path.startsWith('evaluation/')) return evaluationCharts(kind)[name] ?? `${name} of the evaluation`
  if (path.endsWith('curve.png'))
    return `Curve of the mean confidence over the share of removed ${places}; the table contains the numbers`
  return `Original and relevance of ${nounOf(kind)} ${name}`
}

function evaluationCharts(kind: InputKind): Record<string, string> {
  const places = `${placeNoun(kind)}s`
  const curve = (which: string): string =>
    `Mean probability while the ${which} relevant ${places} are replaced, one curve for each method; the table contains the areas`
  return {
    morf: curve('most'),
    lerf: curve('least'),
    perturbed: `The first ${nounOf(kind)} after each step, with the most relevant or the least relevant ${places} replaced first`,
    randomisation: 'Similarity of the maps over the number of randomised layers; the table contains the final values'
  }
}
