import { embedded, html, page } from '../html.js'
import { figure } from '../plot/figure.js'
import type { Figure } from './figures.js'
import type { ExplainSummary } from './to-files.js'

/** One page with every figure and the numbers beside it. */
export async function explanationHtml(summary: ExplainSummary, figures: Figure[]): Promise<string> {
  const render = async (one: Figure): Promise<{ name: string; png: Buffer }> => ({
    name: one.name,
    png: await figure(one.panels, one.captions, one.options)
  })
  const rendered = await Promise.all(figures.slice(0, summary.images.length).map(render))
  const layers = Object.entries(summary.layers)
  const body = html`<h1>Explanation by ${summary.method}</h1>
    <p class="note">
      Model ${summary.model} on ${summary.device}; ${summary.images.length} images in ${summary.milliseconds} ms.
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
        <div class="scroll" tabindex="0" role="region" aria-label="Relevance per layer">
          <table>
            <caption>
              Means over the images, first target
            </caption>
            <thead>
              <tr>
                <th scope="col">Layer</th>
                <th scope="col">Rule</th>
                <th scope="col">Arriving</th>
                <th scope="col">Handed on</th>
                <th scope="col">Taken by biases</th>
                <th scope="col">Taken by stabilisers</th>
              </tr>
            </thead>
            <tbody>
              ${layers.map(
                ([name, layer]) =>
                  html`<tr>
                    <th scope="row">${name}</th>
                    <td>${summary.rules[name]}</td>
                    <td>${layer.sum.toPrecision(4)}</td>
                    <td>${layer.handedOn.toPrecision(4)}</td>
                    <td>${layer.absorbedByBias.toPrecision(3)}</td>
                    <td>${layer.absorbedByStabiliser.toPrecision(3)}</td>
                  </tr> `
              )}
            </tbody>
          </table>
        </div>`
    }`
  return page(`Explanation by ${summary.method}`, body)
}

function guess(image?: ExplainSummary['images'][number]): string {
  if (image?.outputs) return `predicted ${image.outputs.map((value) => value.toPrecision(4)).join(', ')}`
  return `predicted ${image?.predicted}, confidence ${((image?.confidence ?? 0) * 100).toFixed(1)} %`
}
