import { commandText } from '../core/command-line.js'
import { html, table, type Html } from '../plot/html.js'
import { methodChooser, pictureGrid } from './pictures.js'
import { gap, type ExperimentReport } from './report.js'
import { percent } from './test-section.js'

/** What feature removal found, with a chooser of the method. */
export function removalSection(experiment: ExperimentReport, index: number): Html {
  const group = `removals-${index}`
  const { removals } = experiment
  const best = Math.max(...removals.map(({ result }) => gap(result)))
  const columns = ['Method', 'Images', 'Share removed', 'Most relevant removed', 'Least relevant removed', 'Mean gap']
  const rows = removals.flatMap(({ name, result }) =>
    result.curve.map(({ fraction, important, unimportant }, i) => {
      const first = i === 0
      const values = [percent(fraction), important.toFixed(4), unimportant.toFixed(4)]
      const mean = { content: first && gap(result).toFixed(4), best: gap(result) === best }
      return [first && name, first && result.images, ...values, mean]
    })
  )
  return html`<h2>Feature removal</h2>
    <p class="note">
      Mean confidence of the predicted class after removing pixels. A faithful explanation loses confidence with its
      most relevant pixels and keeps it without its least relevant ones: the gap between the two is large.
    </p>
    ${table('Confidence by share of pixels removed', columns, rows)}
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
            Pixels replaced by: ${result.fill}. Command:
            <code>${commandText('remove-features', experiment.name, result.settings)}</code>
          </p>
          ${pictureGrid(experiment, curveFirst(pictures))}
        </section>`
    )}`
}

function curveFirst(pictures: string[]): string[] {
  const isCurve = (path: string): boolean => path.endsWith('curve.png')
  return [...pictures.filter(isCurve), ...pictures.filter((path) => !isCurve(path))]
}
