import { commandText } from '../asked.js'
import { html, page, type Html } from '../html.js'
import { evaluationSection } from './evaluation.js'
import { explanationSection } from './explanations.js'
import { pictureGrid } from './pictures.js'
import { gap, type ExperimentReport } from './report.js'
import { classScores, headline, percent, testSection, valueScores } from './test-section.js'

/** The choosers show one method's pictures at a time, and those of one class; without scripts all are shown. */
const CHOOSER = `
for (const select of document.querySelectorAll('select[data-classes]')) {
  select.addEventListener('change', () => {
    for (const figure of document.querySelectorAll('[data-in="' + select.dataset.classes + '"] figure[data-class]'))
      figure.hidden = select.value !== '' && figure.dataset.class !== select.value;
  });
}
for (const select of document.querySelectorAll('select[data-group]')) {
  const show = () => {
    for (const section of document.querySelectorAll('[data-in="' + select.dataset.group + '"]')) section.hidden = section.dataset.key !== select.value;
  };
  select.addEventListener('change', show);
  show();
}
`

export function reportHtml(experiments: ExperimentReport[]): string {
  const title =
    experiments.length === 1 ? `Report: ${experiments[0]!.name}` : `Report on ${experiments.length} experiments`
  const body = html`<h1>${title}</h1>
    ${experiments.length > 1 && comparison(experiments)}
    ${experiments.map((experiment, i) => oneExperiment(experiment, i, experiments.length > 1))}`
  return page(title, body, CHOOSER)
}

const percentOf = (value?: number): string | undefined => (value === undefined ? undefined : percent(value))

function comparison(experiments: ExperimentReport[]): Html {
  const tests = experiments.map(({ test }) => test)
  const best = Math.max(...tests.map((test) => classScores(test)?.accuracy ?? -1))
  const closest = Math.max(...tests.map((test) => valueScores(test)?.r2 ?? -Infinity))
  const regression = tests.some(valueScores)
  return html`<h2>Comparison</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Comparison of the experiments">
      <table>
        <thead>
          <tr>
            <th scope="col">Experiment</th>
            <th scope="col">Model</th>
            <th scope="col">Epochs</th>
            <th scope="col">Accuracy</th>
            <th scope="col">Macro F1</th>
            <th scope="col">Log loss</th>
            ${regression && html`<th scope="col">R2</th>`}
          </tr>
        </thead>
        <tbody>
          ${experiments.map(
            ({ name, command, history, test }) =>
              html`<tr>
                <th scope="row">${name}</th>
                <td>${command.model}</td>
                <td>${history.length}</td>
                <td class="${classScores(test)?.accuracy === best ? 'best' : ''}">
                  ${test ? percentOf(classScores(test)?.accuracy) : 'not tested'}
                </td>
                <td>${classScores(test)?.macroF1.toFixed(4)}</td>
                <td>${classScores(test)?.logLoss.toFixed(4)}</td>
                ${
                  regression &&
                  html`<td class="${valueScores(test)?.r2 === closest ? 'best' : ''}">
                    ${valueScores(test)?.r2.toFixed(4)}
                  </td>`
                }
              </tr> `
          )}
        </tbody>
      </table>
    </div>`
}

function oneExperiment(experiment: ExperimentReport, index: number, named: boolean): Html {
  const { test, history, data } = experiment
  const counts = data?.counts as Record<string, number> | undefined
  return html`${named && html`<h2>${experiment.name}</h2>`}
    <ul class="facts">
      ${
        test &&
        html`${headline(test)}
          <li><b>${Math.round(test.imagesPerSecond)}</b> images per second</li>`
      }
      <li><b>${history.length}</b> epochs</li>
      ${counts && html`<li><b>${counts.train} / ${counts.valid} / ${counts.test}</b> train / valid / test images</li>`}
    </ul>
    <h2>Training</h2>
    ${pictureGrid(
      experiment,
      experiment.charts.filter((path) => path.startsWith('charts/'))
    )}
    <details>
      <summary>Command, versions and data</summary>
      <pre>${JSON.stringify({ command: experiment.command, versions: experiment.versions, data }, null, 2)}</pre>
    </details>
    ${test && testSection(experiment.name, test, testPictures(experiment))}
    ${experiment.explanations.length > 0 && explanationSection(experiment, index)}
    ${experiment.evaluation && evaluated(experiment)} ${experiment.removals.length > 0 && removals(experiment, index)}`
}

function testPictures(experiment: ExperimentReport): Html {
  return pictureGrid(
    experiment,
    experiment.charts.filter((path) => path.startsWith('test/'))
  )
}

function evaluated(experiment: ExperimentReport): Html {
  const { result, pictures } = experiment.evaluation!
  return evaluationSection(experiment.name, result, pictureGrid(experiment, pictures))
}

function removals(experiment: ExperimentReport, index: number): Html {
  const group = `removals-${index}`
  const best = Math.max(...experiment.removals.map(({ result }) => gap(result)))
  return html`<h2>Feature removal</h2>
    <p class="note">
      Mean confidence of the predicted class after removing pixels. A faithful explanation loses confidence with its
      most relevant pixels and keeps it without its least relevant ones: the gap between the two is large.
    </p>
    <div class="scroll" tabindex="0" role="region" aria-label="Confidence by share of pixels removed">
      <table>
        <thead>
          <tr>
            <th scope="col">Method</th>
            <th scope="col">Images</th>
            <th scope="col">Share removed</th>
            <th scope="col">Most relevant removed</th>
            <th scope="col">Least relevant removed</th>
            <th scope="col">Mean gap</th>
          </tr>
        </thead>
        <tbody>
          ${experiment.removals.map(({ name, result }) =>
            result.curve.map(
              (point, i) =>
                html`<tr>
                  <th scope="row">${i === 0 ? name : ''}</th>
                  <td>${i === 0 ? result.images : ''}</td>
                  <td>${percent(point.fraction)}</td>
                  <td>${point.important.toFixed(4)}</td>
                  <td>${point.unimportant.toFixed(4)}</td>
                  <td class="${gap(result) === best ? 'best' : ''}">${i === 0 ? gap(result).toFixed(4) : ''}</td>
                </tr> `
            )
          )}
        </tbody>
      </table>
    </div>
    <p class="chooser">
      <label
        >Method
        <select data-group="${group}">
          ${experiment.removals.map(({ name }) => html`<option value="${name}">${name}</option>`)}
        </select></label
      >
    </p>
    ${experiment.removals.map(
      ({ name, pictures, result }) =>
        html`<section data-in="${group}" data-key="${name}" aria-label="Feature removal by ${name}">
          <p class="note">
            Pixels replaced by: ${result.fill}. Command:
            <code>${commandText('remove-features', experiment.name, result.settings)}</code>
          </p>
          ${pictureGrid(experiment, [...pictures.filter((path) => path.endsWith('curve.png')), ...pictures.filter((path) => !path.endsWith('curve.png'))])}
        </section>`
    )}`
}
