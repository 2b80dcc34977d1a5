import type { Evaluation } from '../evaluate/results.js'
import { html, table, type Html } from '../plot/html.js'
import { commandText } from '../core/command-line.js'
import { counted } from '../core/plural.js'
import { nounOf } from '../model/input-kind.js'

const ARROW = { higher: ' ↑', lower: ' ↓' }

/** The comparison of methods: ranking with intervals, tests, randomisation; `curves` are the charts. */
export function evaluationSection(name: string, evaluation: Evaluation, curves: Html): Html {
  const { images, inputKind, rankedBy, settings, notes } = evaluation
  const noun = nounOf(inputKind)
  return html`<h2>Evaluation of explanations</h2>
    <p class="note">
      ${counted(evaluation.methods.length, 'method')}, evaluated on ${counted(images.length, noun)} and ranked by
      ${rankedBy}. Each cell shows the mean and its 95 % bootstrap interval over the ${noun}s (↑: higher is better, ↓:
      lower is better).${evaluation.methods.length > 1 && ' The best mean of each metric is bold.'} Fill of the replaced
      values: ${settings.perturbation.fill}. Side of the replaced squares: ${settings.perturbation.patchSize}.
    </p>
    ${notes.map((note) => html`<p role="note"><strong>Note:</strong> ${note}</p>`)} ${ranking(evaluation)}
    ${evaluation.comparisons.length > 0 && tests(evaluation)} ${curves}
    ${Object.keys(evaluation.randomisation).length > 0 && randomisation(evaluation)}
    <details>
      <summary>Command, settings and definitions</summary>
      <p><code>${commandText('evaluate', name, evaluation.asked)}</code></p>
      <dl>
        ${evaluation.metrics.map(
          ({ name, definition, better }) =>
            html`<dt>${name}</dt>
              <dd>${definition}${better && `; ${better} is better`}</dd>`
        )}
      </dl>
    </details>`
}

function ranking({ metrics, methods }: Evaluation): Html {
  const best = metrics.map(({ name, better }) => {
    const means = methods.map(({ scores }) => scores[name]!.mean)
    return better === undefined || methods.length === 1
      ? NaN
      : better === 'higher'
        ? Math.max(...means)
        : Math.min(...means)
  })
  const columns = ['Method', ...metrics.map(({ name, better }) => `${name}${better ? ARROW[better] : ''}`)]
  const rows = methods.map((method) => [
    method.name,
    ...metrics.map(({ name }, i) => {
      const { mean, low, high } = method.scores[name]!
      const content = html`${number(mean)}<br /><span class="interval">[${number(low)}, ${number(high)}]</span>`
      return { content, best: mean === best[i] }
    })
  ])
  return table('Scores of the methods', columns, rows)
}

function tests({ comparisons, rankedBy, inputKind }: Evaluation): Html {
  const columns = [
    `${comparisons[0]!.best} against`,
    `Difference in ${rankedBy}`,
    '95 % interval',
    `p-value of the sign-flip test over the ${nounOf(inputKind)}s`
  ]
  const rows = comparisons.map(({ other, mean, low, high, p }) => [
    other,
    number(mean),
    `${number(low)} to ${number(high)}`,
    p.toFixed(4)
  ])
  return table('Paired tests', columns, rows)
}

/** What remains of the maps once every weight is random. */
function randomisation({ randomisation }: Evaluation): Html {
  const columns = ['Method', 'SSIM', 'Spearman', 'Pearson', 'Cosine', 'Change of the maps']
  const rows = Object.entries(randomisation).map(([name, layers]) => {
    const { ssim, spearman, pearson, cosine } = layers.at(-1)!
    return [name, number(ssim), number(spearman), number(pearson), number(cosine), verdict(ssim, spearman)]
  })
  return html`<h3>Parameter randomisation</h3>
    <p class="note">
      The maps of the trained network are compared with the maps of the same network with random weights in all layers
      (Adebayo et al. 2018). A map that hardly changes depends on the image rather than on the network.
    </p>
    ${table('Similarity after randomisation', columns, rows)}`
}

function verdict(ssim: number, spearman: number): string {
  const kept = Math.max(ssim, Math.abs(spearman))
  return kept >= 0.5 ? 'hardly any' : kept >= 0.25 ? 'partial' : 'complete'
}

/** JSON keeps a mean without images as null. */
const number = (value: number | null): string => value?.toFixed(3) ?? 'none'
