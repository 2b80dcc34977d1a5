import { commandText } from '../core/command-line.js'
import { html, table, type Html } from '../plot/html.js'
import { nounOf, placeNoun } from '../model/input-kind.js'
import { methodChooser, pictureGrid } from './pictures.js'
import type { RemovalResult } from '../evaluate/results.js'
import { comparable, type Conditions } from './comparable.js'
import type { ExperimentReport } from './gather.js'
import { percent } from './test-section.js'

type Removal = ExperimentReport['removals'][number]

/** How features were removed. */
function conditions({ result: { images, fill, curve, settings } }: Removal): Conditions {
  const data = [settings.data ?? settings.dataPath ?? settings.input ?? 'the data set of the model'].flat().join(' ')
  return {
    images,
    data,
    split: String(settings.split ?? 'test'),
    fill,
    shares: curve.map(({ fraction }) => percent(fraction)).join(' ')
  }
}

/** Results of feature removal, compared where they were measured in the same way, with a chooser of the method. */
export function removalSection(experiment: ExperimentReport, index: number): Html {
  const group = `removals-${index}`
  const { removals } = experiment
  return html`<h2>Feature removal</h2>
    <p class="note">
      Mean confidence of the predicted class after removing ${placesOf(removals)}. If an explanation is faithful, the
      confidence falls without the most relevant ${placesOf(removals)} and hardly changes without the least relevant
      ${placesOf(removals)}. The gap between these two confidences is then large.
    </p>
    ${comparable(removals, conditions).map(
      ({ results, differences }) =>
        html`${
          differences !== '' &&
          html`<p role="note"><strong>Not comparable with the table above:</strong> ${differences}.</p>`
        }
        ${removalTable(results)}`
    )}
    <p class="chooser">
      ${methodChooser(
        group,
        removals.map(({ name }) => name)
      )}
    </p>
    ${removals.map(
      ({ name, pictures, result }) =>
        html`<section data-in="${group}" data-key="${name}" aria-label="Feature removal by ${name}">
          <p class="note">
            Fill of the removed values: ${result.fill}. Command:
            <code>${commandText('remove-features', experiment.name, result.settings)}</code>
          </p>
          ${pictureGrid(experiment, curveFirst(pictures), { kind: result.inputKind })}
        </section>`
    )}`
}

function removalTable(removals: Removal[]): Html {
  const best = removals.length > 1 ? Math.max(...removals.map(({ result }) => gap(result))) : NaN
  const kinds = [...new Set(removals.map(({ result }) => `${nounOf(result.inputKind)}s`))].join(', ')
  const columns = [
    'Method',
    kinds[0]!.toUpperCase() + kinds.slice(1),
    'Removed share',
    'Confidence without the most relevant',
    'Confidence without the least relevant',
    'Mean gap'
  ]
  const rows = removals.flatMap(({ name, result }) =>
    result.curve.map(({ fraction, important, unimportant }, i) => {
      const first = i === 0
      const values = [percent(fraction), important.toFixed(4), unimportant.toFixed(4)]
      const mean = { content: first && gap(result).toFixed(4), best: gap(result) === best }
      return [first && name, first && result.images, ...values, mean]
    })
  )
  const names = removals.map(({ name }) => name).join(', ')
  return table(`Confidence for each share of removed ${placesOf(removals)}: ${names}`, columns, rows)
}

/** `pixels`: what was removed. */
function placesOf(removals: Removal[]): string {
  return [...new Set(removals.map(({ result }) => `${placeNoun(result.inputKind)}s`))].join(' or ')
}

function curveFirst(pictures: string[]): string[] {
  const isCurve = (path: string): boolean => path.endsWith('curve.png')
  return [...pictures.filter(isCurve), ...pictures.filter((path) => !isCurve(path))]
}

/** Mean distance between the two curves of a feature removal: how much better than its opposite an order is. */
export function gap(result: Omit<RemovalResult, 'files'>): number {
  const points = result.curve.filter((point) => point.fraction > 0)
  return points.reduce((sum, point) => sum + point.unimportant - point.important, 0) / points.length
}
