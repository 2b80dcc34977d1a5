import { Html, html, page } from '../plot/html.js'
import { STARTS } from '../explain/options.js'
import type { Choice, Facts, Narrowing } from './protocol.js'

const STYLE = `
.app { display: grid; grid-template-columns: minmax(0, 1fr) 340px; gap: 24px; } @media (max-width: 860px) { .app { grid-template-columns: minmax(0, 1fr); } }
.gallery { display: flex; flex-wrap: wrap; gap: 6px; padding: 0; margin: 0 0 16px; list-style: none; max-height: 204px; overflow-y: auto; }
.gallery button { padding: 2px; border: 2px solid transparent; border-radius: 6px; background: none; cursor: pointer; } .gallery button[aria-pressed=true] { border-color: var(--accent); }
.gallery img { display: block; width: 56px; height: 56px; object-fit: contain; image-rendering: pixelated; }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 16px; } .maps img { display: block; width: 100%; image-rendering: pixelated; }
.drawn img, #further img { image-rendering: auto !important; } .drawn .gallery img { width: 116px; height: 48px; }
.map { position: relative; } .map svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; } .map.waiting { opacity: .6; }
form label { display: block; margin: 0 0 12px; } form label span { display: flex; justify-content: space-between; } form select, form input { width: 100%; font: inherit; margin: 0; } form fieldset { border: 0; padding: 0; margin: 0; } form small { display: block; color: var(--quiet); } form .layers { opacity: .45; } form output { color: var(--quiet); font-variant-numeric: tabular-nums; }
.outputs { padding: 0; list-style: none; } .outputs button { position: relative; display: flex; justify-content: space-between; width: 100%; margin: 2px 0; padding: 4px 8px; border: 1px solid var(--line); border-radius: 4px; background: none; color: inherit; font: inherit; cursor: pointer; overflow: hidden; } .outputs button[aria-pressed=true] { border-color: var(--accent); font-weight: 700; }
.outputs .bar { position: absolute; inset: 0 auto 0 0; background: var(--accent); opacity: .16; } .plain { padding: 4px 10px; border: 1px solid var(--line); border-radius: 4px; background: var(--shade); color: inherit; font: inherit; cursor: pointer; }
#message { min-height: 1.5em; } #message.error { color: #b3261e; font-weight: 600; } @media (prefers-color-scheme: dark) { #message.error { color: #ff8a80; } }
`

/**
 * The page: everything that does not change; `browser/app.ts` does the rest.
 * @param links to other pages about the model
 */
export function servePage(links: Html | false, facts: Facts): string {
  const title = `Why did ${facts.model} decide that?`
  const data = JSON.stringify(facts).replaceAll('<', '\\u003c')
  const body = html`${links}
    <h1>${title}</h1>
    <style>
      ${new Html(STYLE)}
    </style>
    <div class="app ${facts.drawn && 'drawn'}">
      <div>
        <ul class="gallery" id="gallery" aria-label="${headline(facts.noun)}s"></ul>
        <p class="note" ${!facts.takesImages && 'hidden'}>
          <label>
            Add your own image, or drop it anywhere on the page:
            <input type="file" id="file" accept="image/*" />
          </label>
        </p>
        <p id="message" role="status"></p>
        <div class="maps" id="maps">
          <figure>
            <div class="map"><img id="original" alt="The ${facts.noun} as the network sees it" /></div>
            <figcaption id="named"></figcaption>
          </figure>
          <figure>
            <div class="map" id="map"><img id="picture" alt="Map of relevance" /></div>
            <figcaption id="told"></figcaption>
          </figure>
        </div>
        <p class="note" id="legend"></p>
        <div class="maps" id="further"></div>
        <p>
          <button type="button" class="plain" id="keep">Keep this map for comparison</button>
          <button type="button" class="plain" id="forget" hidden>Remove kept maps</button>
        </p>
        <p id="warnings" role="note"></p>
        <p class="note">Command for this map: <code id="command"></code></p>
      </div>
      <form id="controls">
        ${choices(facts)}
        <p class="note" id="description"></p>
        <fieldset id="parameters"></fieldset>
        <label id="shares">
          <span>Share of the relevance values to keep (top k) <output id="shown-topK">all</output></span>
          <input type="range" id="topK" min="-3" max="0" step="0.05" value="0" />
        </label>
        ${select('start', 'Initial relevance', STARTS.slice(0, facts.values ? 2 : 4))}
        ${select('view', 'View', facts.views)} ${select('colourMap', 'Colours', facts.colourMaps)}
        ${select('quantile', 'Quantile of the strongest colour', ['1', '0.999', '0.99', '0.95'])}
        ${facts.heads.length > 0 && select('head', 'Output of the network', facts.heads)}
        ${facts.narrowing.map((one) => narrowing(one, facts))}
        <section id="outputs-section">
          <h2 id="outputs-title">${headline(facts.outputNoun === 'class' ? 'classes' : `${facts.outputNoun}s`)}</h2>
          <p class="note">The map explains the selected ${facts.outputNoun}.</p>
          <ul class="outputs" id="outputs" aria-labelledby="outputs-title"></ul>
          ${
            facts.classes.length > 10 &&
            html`<label>
              <span>Another class</span>
              <input type="text" id="other" list="classes" placeholder="name or number" autocomplete="off" />
              <datalist id="classes">${facts.classes.map((name) => html`<option value="${name}"></option>`)}</datalist>
            </label>`
          }
        </section>
      </form>
    </div>
    <script type="application/json" id="facts">
      ${new Html(data)}
    </script>
    <script type="module" src="app.js"></script>`
  return page(title, body)
}

const headline = (text: string): string => text[0]!.toUpperCase() + text.slice(1)

/** What fields without a default take. */
function takes({ noun, outputNoun }: Facts): Record<string, string> {
  return {
    against: `a ${outputNoun}, or runner-up`,
    reference: `the name of ${noun === 'image' ? 'an' : 'a'} ${noun} above`,
    box: 'best, or a number'
  }
}

/** A field for an option of the target, as it is written on the command line. */
function narrowing({ name, help, default: given, value = '' }: Narrowing, facts: Facts): Html {
  const usual = given ?? takes(facts)[name] ?? ''
  const list = name === 'reference' ? 'images' : undefined
  return html`<label>
    <span>${headline(name)}</span>
    <input
      type="text"
      id="${name}"
      placeholder="${usual}"
      value="${value}"
      autocomplete="off"
      aria-describedby="${name}-help"
      ${list && html`list="${list}"`}
    />
    <small class="note" id="${name}-help">${help}</small>
    ${list && html`<datalist id="${list}"></datalist>`}
  </label>`
}

function select(id: string, label: string, values: readonly string[]): Html {
  return html`<label>
    <span>${label}</span>
    <select id="${id}">
      ${values.map((value) => html`<option value="${value}">${value}</option>`)}
    </select>
  </label>`
}

const GROUPS: [Choice['kind'], string][] = [
  ['rules', 'Your own rules'],
  ['rule', 'Rules, one for all layers'],
  ['composite', 'Composites'],
  ['method', 'Other methods']
]

function choices(facts: Facts): Html {
  return html`<label>
    <span>Rule, composite or method</span>
    <select id="choice">
      ${GROUPS.filter(([kind]) => facts.choices.some((choice) => choice.kind === kind)).map(
        ([kind, label]) =>
          html`<optgroup label="${label}">
            ${facts.choices
              .filter((choice) => choice.kind === kind)
              .map(({ name, label = name }) => html`<option value="${name}">${label}</option>`)}
          </optgroup>`
      )}
    </select>
  </label>`
}
