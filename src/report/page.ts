import { html, page, table, type Html } from '../plot/html.js'
import { evaluationSection } from './evaluation.js'
import { explanationSection } from './explanations.js'
import { pictureGrid } from './pictures.js'
import { comparable, type Conditions } from './comparable.js'
import { removalSection } from './removals.js'
import { SCRIPT } from './script.js'
import type { ExperimentReport } from './gather.js'
import { classScores, labelScores, valueScores } from './test-report.js'
import { headline, percent, score, testSection } from './test-section.js'

export function reportHtml(experiments: ExperimentReport[]): string {
  const title =
    experiments.length === 1 ? `Report: ${experiments[0]!.name}` : `Report on ${experiments.length} experiments`
  const body = html`<h1>${title}</h1>
    ${experiments.length > 1 && comparison(experiments)}
    ${experiments.map((experiment, i) => oneExperiment(experiment, i, experiments.length > 1))}`
  return page(title, body, SCRIPT)
}

/** How an experiment was tested. */
function testConditions({ test }: ExperimentReport): Conditions {
  return { data: test?.data ?? 'none', split: test?.split ?? 'none', images: test?.images ?? 0 }
}

/** The best of each score is marked among experiments that were tested on the same images. */
function comparison(experiments: ExperimentReport[]): Html {
  const groups = comparable(experiments, testConditions)
  const several = experiments.some(({ test }) => labelScores(test))
  const regression = experiments.some(({ test }) => valueScores(test))
  const columns = [
    'Experiment',
    'Model',
    'Epochs',
    'Test images',
    'Accuracy',
    'Macro F1',
    'Log loss',
    ...(several ? ['mAP', 'Micro F1'] : []),
    ...(regression ? ['R2'] : [])
  ]
  const rows = groups.flatMap(({ results }) => {
    const highest = (scores: (number | undefined)[]): number =>
      results.length > 1 ? Math.max(...scores.map((value) => value ?? -Infinity)) : NaN
    const best = highest(results.map(({ test }) => classScores(test)?.accuracy))
    const strongest = highest(results.map(({ test }) => labelScores(test)?.meanAveragePrecision))
    const closest = highest(results.map(({ test }) => valueScores(test)?.r2))
    return results.map(({ name, network, history, test }) => {
      const [classes, labels, values] = [classScores(test), labelScores(test), valueScores(test)]
      const accuracy = {
        content: test ? classes && percent(classes.accuracy) : 'not tested',
        best: classes?.accuracy === best
      }
      const precision = {
        content: labels && score(labels.meanAveragePrecision),
        best: labels?.meanAveragePrecision === strongest
      }
      const r2 = { content: values && score(values.r2), best: values?.r2 === closest }
      return [
        name,
        network,
        history.length,
        test && `${test.data}, ${test.split}, ${test.images}`,
        accuracy,
        (classes ?? labels) && score((classes ?? labels)!.macroF1),
        (classes ?? labels) && score((classes ?? labels)!.logLoss),
        ...(several ? [precision, labels && score(labels.microF1)] : []),
        ...(regression ? [r2] : [])
      ]
    })
  })
  const different = groups.filter(({ differences, results }) => differences !== '' && results.some(({ test }) => test))
  return html`<h2>Comparison</h2>
    ${table('Comparison of the experiments', columns, rows)}
    ${different.map(
      ({ results, differences }) =>
        html`<p role="note">
          <strong>Not comparable:</strong> ${results.map(({ name }) => name).join(', ')} (${differences}).
        </p>`
    )}`
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
  return evaluationSection(experiment.name, result, pictureGrid(experiment, pictures, { kind: result.inputKind }))
}
