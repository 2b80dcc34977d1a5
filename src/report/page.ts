import { html, page, table, type Html } from '../plot/html.js'
import { evaluationSection } from './evaluation.js'
import { explanationSection } from './explanations.js'
import { pictureGrid } from './pictures.js'
import { removalSection } from './removals.js'
import type { ExperimentReport } from './report.js'
import { classScores, headline, percent, score, testSection, valueScores } from './test-section.js'

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

function comparison(experiments: ExperimentReport[]): Html {
  const tests = experiments.map(({ test }) => test)
  const best = Math.max(...tests.map((test) => classScores(test)?.accuracy ?? -1))
  const closest = Math.max(...tests.map((test) => valueScores(test)?.r2 ?? -Infinity))
  const regression = tests.some(valueScores)
  const columns = ['Experiment', 'Model', 'Epochs', 'Accuracy', 'Macro F1', 'Log loss', ...(regression ? ['R2'] : [])]
  const rows = experiments.map(({ name, command, history, test }) => {
    const [classes, values] = [classScores(test), valueScores(test)]
    const accuracy = {
      content: test ? classes && percent(classes.accuracy) : 'not tested',
      best: classes?.accuracy === best
    }
    const r2 = { content: values && score(values.r2), best: values?.r2 === closest }
    const scores = [
      accuracy,
      classes && score(classes.macroF1),
      classes && score(classes.logLoss),
      ...(regression ? [r2] : [])
    ]
    return [name, command.model, history.length, ...scores]
  })
  return html`<h2>Comparison</h2>
    ${table('Comparison of the experiments', columns, rows)}`
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
    ${experiment.evaluation && evaluated(experiment)}
    ${experiment.removals.length > 0 && removalSection(experiment, index)}`
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
