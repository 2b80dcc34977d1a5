import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** Pictures of an experiment, embedded; `classOf` tells by a picture's name of which class its image is. */
export function pictureGrid(
  experiment: ExperimentReport,
  paths: string[],
  classOf: (name: string) => string | undefined = () => undefined
): Html {
  return html`<div class="grid">
    ${paths.map((path) => {
      const name = path.replace(/^explanations\/[^/]+\/|^.*\//, '').replace(/\.png$/, '')
      const predicted = classOf(name)
      return html`<figure ${predicted !== undefined && html`data-class="${predicted}"`}>
        <img src="${embedded(readFileSync(join(experiment.folder, path)))}" alt="${alternative(path, name)}" />
        <figcaption>
          ${TITLES[path.replace(/\.png$/, '')] ?? (path.endsWith('curve.png') ? 'Confidence against the share of pixels removed' : name)}
        </figcaption>
      </figure> `
    })}
  </div>`
}

/** Charts by the path of their file, without its ending. */
const TITLES: Record<string, string> = {
  'charts/loss': 'Loss per epoch',
  'charts/accuracy': 'Accuracy per epoch',
  'test/confusion': 'Confusion matrix',
  'test/per-class': 'Accuracy per class',
  'test/predictions': 'Predicted and true values',
  'test/worst-errors': 'Largest errors',
  'evaluation/morf': 'Most relevant pixels replaced first',
  'evaluation/lerf': 'Least relevant pixels replaced first',
  'evaluation/perturbed': 'The first image while pixels are replaced',
  'evaluation/randomisation': 'Similarity with randomised weights'
}

function alternative(path: string, name: string): string {
  if (path.startsWith('charts/')) return `Chart of ${name} per epoch; the numbers are in history.csv`
  if (path.startsWith('test/')) return `${name} of the test; the numbers are in the tables`
  if (path.startsWith('evaluation/')) return EVALUATION_CHARTS[name] ?? `${name} of the evaluation`
  if (path.endsWith('curve.png'))
    return 'Curve of mean confidence over the share of pixels removed; the numbers are in the table'
  return `Original and relevance of image ${name}`
}

const EVALUATION_CHARTS: Record<string, string> = {
  morf: 'Mean probability while the most relevant pixels are replaced, one curve per method; the areas are in the table',
  lerf: 'Mean probability while the least relevant pixels are replaced, one curve per method; the areas are in the table',
  perturbed: 'Steps of the first image, with the most or the least relevant pixels replaced first',
  randomisation: 'Similarity of the maps by number of randomised layers; the final values are in the table'
}
