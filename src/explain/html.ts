import { embedded, html, page, table } from '../html.js'
import { figure } from '../plot/figure.js'
import { counted } from '../plural.js'
import type { Figure } from './figures.js'
import type { ExplainSummary } from './summary.js'

/** One page with every figure and the numbers beside it. */
export async function explanationHtml(summary: ExplainSummary, figures: Figure[]): Promise<string> {
  const render = async (one: Figure): Promise<{ name: string; png: Buffer }> => ({
    name: one.name,
    png: await figure(one.panels, one.captions, one.options)
  })
  const rendered = await Promise.all(figures.slice(0, summary.images.length).map(render))
  const layers = Object.entries(summary.layers)
  const columns = ['Layer', 'Rule', 'Arriving', 'Handed on', 'Taken by biases', 'Taken by stabilisers']
  const rows = layers.map(([name, { sum, handedOn, absorbedByBias, absorbedByStabiliser }]) => [
    name,
    summary.rules[name],
    ...[sum, handedOn].map((value) => value.toPrecision(4)),
    ...[absorbedByBias, absorbedByStabiliser].map((value) => value.toPrecision(3))
  ])
  const body = html`<h1>Explanation by ${summary.method}</h1>
    <p class="note">
      Model ${summary.model} on ${summary.device}; ${counted(summary.images.length, 'image')} in ${summary.milliseconds}
      ms.
    </p>
    ${summary.warnings.map((warning) => html`<p role="note"><strong>Note:</strong> ${warning}</p>`)}
    <div class="grid">
      ${rendered.map(
        ({ name, png }, i) =>
          html`<figure>
            <img src="${embedded(png)}" alt="Original and heat map of ${name}" />
            <figcaption>${name}: ${guess(summary.images[i])}</figcaption>
          </figure> `
      )}
    </div>
    ${
      layers.length > 0 &&
      html`<h2>Relevance per layer</h2>
        <p class="note">Means over the images, first target.</p>
        ${table('Relevance per layer', columns, rows)}`
    }`
  return page(`Explanation by ${summary.method}`, body)
}

function guess(image?: ExplainSummary['images'][number]): string {
  if (image?.outputs) return `predicted ${image.outputs.map((value) => value.toPrecision(4)).join(', ')}`
  return `predicted ${image?.predicted}, confidence ${((image?.confidence ?? 0) * 100).toFixed(1)} %`
}
