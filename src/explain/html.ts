import { duration } from '../core/duration.js'
import { embedded, html, page, table } from '../plot/html.js'
import { figure } from '../plot/figure.js'
import { counted } from '../core/plural.js'
import type { Figure } from './figures.js'
import { describePrediction, type ExplainSummary } from './summary.js'

/** The numbers of a layer in the order of the page, and their significant digits. */
const NUMBERS = [
  ['sum', 4],
  ['propagated', 4],
  ['absorbedByBias', 3],
  ['absorbedByStabiliser', 3]
] as const

/**
 * One page with all figures and the numbers of every layer.
 * @param noun name of one input, such as `image`
 * @param legend sentence that explains the colours
 */
export async function explanationHtml(
  summary: ExplainSummary,
  figures: Figure[],
  noun: string,
  legend: string
): Promise<string> {
  const render = async (one: Figure): Promise<{ name: string; png: Buffer }> => ({
    name: one.name,
    png: await figure(one.panels, one.captions, one.options)
  })
  const rendered = await Promise.all(figures.slice(0, summary.images.length).map(render))
  const layers = Object.entries(summary.layers)
  const columns = ['Layer', 'Rule', 'Arriving', 'Propagated', 'Absorbed by biases', 'Absorbed by stabilisers']
  const numbers = NUMBERS.map(([key, digits]) =>
    alike(
      layers.map(([, layer]) => layer[key]),
      digits
    )
  )
  const rows = layers.map(([name], i) => [name, summary.rules[name], ...numbers.map((column) => column[i])])
  const body = html`<h1>Explanation by ${summary.method}</h1>
    <p class="note">
      Model ${summary.model} on ${summary.device}; ${counted(summary.images.length, noun)} in
      ${duration(summary.milliseconds)}. ${legend}
    </p>
    ${summary.warnings.map((warning) => html`<p role="note"><strong>Note:</strong> ${warning}</p>`)}
    <div class="grid">
      ${rendered.map(
        ({ name, png }, i) =>
          html`<figure>
            <img src="${embedded(png)}" alt="Original and heatmap of ${name}" />
            <figcaption>${name}: ${guess(summary.images[i])}</figcaption>
          </figure> `
      )}
    </div>
    ${
      layers.length > 0 &&
      html`<h2>Relevance per layer</h2>
        <p class="note">Means over all images, for the first target.</p>
        ${table('Relevance per layer', columns, rows, ['Rule'])}`
    }`
  return page(`Explanation by ${summary.method}`, body)
}

/** The numbers of a column: all as powers of ten where one is too small or too large to read without. */
function alike(values: number[], digits: number): string[] {
  const magnitudes = values.map(Math.abs).filter((magnitude) => magnitude > 0)
  const readable = magnitudes.every((magnitude) => magnitude >= 1e-4 && magnitude < 10 ** digits)
  return values.map((value) =>
    value === 0 ? '0' : readable ? value.toPrecision(digits) : value.toExponential(digits - 1)
  )
}

function guess(image?: ExplainSummary['images'][number]): string {
  return image ? describePrediction(image) : ''
}
