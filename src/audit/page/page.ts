import { embedded, html, Html, page } from '../../plot/html.js'
import { counted } from '../../core/plural.js'
import { rowsOf } from '../observe.js'
import { Random } from '../random.js'
import type { Patch } from '../audit-class.js'
import type { NextStep } from '../next-steps.js'
import type { AuditedClass, AuditedCluster, AuditResult } from '../result.js'
import type { ImageShape } from '../pattern.js'
import type { AuditSources } from '../sources.js'
import { clearedText } from '../cleared.js'
import { embed } from './embedding.js'
import { examples, meanMap, sprite, SPRITE_COLUMNS, THUMB } from './pictures.js'
import { SCRIPT } from './script.js'

/** Images of a class that are shown in its embedding. */
const MOST_POINTS = 200
/** Images of a cluster that are shown next to its map. */
const EXAMPLES = 8
const SIZE = 100
const BADGES = { decides: 'decides the class', enough: 'enough by itself' }
const COLOURS = ['#0b5cad', '#c2410c', '#15803d', '#7e22ce', '#b91c1c', '#0e7490', '#a16207', '#4b5563']

const STYLE = `<style>
.cluster { border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; margin: 12px 0; }
.cluster.flagged { border: 3px solid #b91c1c; }
.cluster h3 { margin: 0 0 6px; font-size: 1.05rem; } .badge { background: #b91c1c; color: #fff; border-radius: 4px; padding: 1px 8px; font-size: .85rem; margin-left: 4px; display: inline-block; white-space: nowrap; }
.clusters { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 0 16px; }
.shown { display: flex; gap: 12px; align-items: flex-start; flex-wrap: wrap; } .shown figure { max-width: 100%; } .shown figure.map { width: 112px; } .shown figure.map img { display: block; width: 112px; image-rendering: pixelated; }
.pattern div { position: relative; } .pattern img { border: 0; border-radius: 0; background: conic-gradient(#9aa3ab 25%, #c3c9ce 0 50%, #9aa3ab 0 75%, #c3c9ce 0) 0 / 16px 16px; } .pattern i { position: absolute; outline: 2px solid #b91c1c; box-shadow: 0 0 0 4px #fff; }
.examples { display: flex; flex-wrap: wrap; gap: 6px; margin: 0; padding: 0; list-style: none; } .examples img { display: block; width: 64px; height: 64px; object-fit: contain; image-rendering: pixelated; }
.next { border: 1px solid var(--line); border-radius: 8px; padding: 0 16px; margin: 16px 0; } .next h2 { margin-top: 12px; border: 0; } .next li { margin-bottom: 10px; } .next code { display: inline-block; }
.embedding { margin-bottom: 16px; display: grid; grid-template-columns: minmax(0, 340px) minmax(0, 1fr); gap: 16px; } @media (max-width: 640px) { .embedding { grid-template-columns: minmax(0, 1fr); } }
.embedding svg { width: 100%; border: 1px solid var(--line); border-radius: 6px; touch-action: none; cursor: crosshair; background: var(--shade); }
.embedding circle { opacity: .55; } .embedding circle.on { opacity: 1; stroke: var(--text); stroke-width: .5; } .embedding .box { fill: none; stroke: var(--text); stroke-width: .5; stroke-dasharray: 1.5 1; }
.chosen { display: flex; flex-wrap: wrap; gap: 3px; max-height: 320px; overflow-y: auto; } .thumb { width: 44px; height: 44px; border-bottom: 4px solid; box-sizing: content-box; background-repeat: no-repeat; }
button { font: inherit; padding: 6px 12px; margin: 0 6px 6px 0; border: 1px solid var(--line); border-radius: 6px; background: var(--shade); color: var(--text); cursor: pointer; } button[aria-pressed=true] { border-color: var(--accent); outline: 2px solid var(--accent); } button i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: 6px; }
summary { cursor: pointer; font-size: 1.15rem; padding: 10px 0; font-weight: 600; } details { border-bottom: 1px solid var(--line); }
${COLOURS.map((colour, i) => `.c${i} { fill: ${colour}; border-color: ${colour}; }`).join(' ')}
</style>`

const READING = html`<p class="note">
    In each class, flagged clusters come first. The other clusters are sorted by their suspicion, a score from 0 to 1.
    The tests, and not the suspicion, decide which clusters are flagged. The suspicion is the mean of four numbers:
    <b>separation</b> (how much more often than by chance neighbours are in the same cluster),
    <b>concentration</b> (share of the relevance in the strongest 5 % of the pixels), <b>sameness</b> (1 if the images
    show a common pattern, otherwise 0) and <b>exclusiveness</b> (share of the cluster's relevance in channels that the
    rest of the class does not use).
  </p>
  <p class="note">
    In the maps of mean relevance, red pixels are evidence for the class, and blue pixels are evidence against it. The
    chequered area around a pattern does not belong to the pattern. Move the mouse over an example to see its path. You
    can copy this path into a list for <code>--exclude</code>.
  </p>`

/** The audit as one page without external resources. */
export async function auditPage(result: AuditResult, sources: AuditSources): Promise<string> {
  const { accuracy, images, classes, flagged, rule, data, split } = result
  const sections: Html[] = []
  for (const one of classes) sections.push(await classSection(one, sources))
  const tested = classes.reduce((sum, one) => sum + one.clusters.length, 0)
  const body = html`${new Html(STYLE)}
    <h1>Is ${sources.title} right for the right reasons?</h1>
    <ul class="facts">
      <li><b>${(accuracy * 100).toFixed(1)} %</b> of ${counted(images, 'image')} classified correctly</li>
      <li><b>${tested}</b> clusters in ${classes.length} classes tested</li>
      <li><b>${flagged.length}</b> flagged</li>
    </ul>
    <p class="note">${data}, ${split === 'all' ? 'all splits' : `${split} split`}, explained by ${rule}.</p>
    <h2>Verdict</h2>
    ${
      flagged.length === 0
        ? html`${clearedText(result).map((line) => html`<p>${line}</p>`)}`
        : html`<ul>
            ${flagged.map(
              (one) =>
                html`<li>
                  <a href="#${anchor(one.class, one.cluster)}">Class ${one.class}, cluster ${one.cluster}</a>:
                  ${one.reason}
                </li>`
            )}
          </ul>`
    }
    ${sources.next.length > 0 && nextSection(sources.next)}
    <h2>Classes</h2>
    ${READING} ${sections}`
  return page(`Audit of ${sources.title}`, body, SCRIPT)
}

/** What to do about flagged clusters. */
function nextSection(next: NextStep[]): Html {
  return html`<section class="next">
    <h2>Next steps</h2>
    <ol>
      ${next.map(
        ({ what, command }) =>
          html`<li>
            ${what}:<br />
            <code>${command}</code>
          </li>`
      )}
    </ol>
  </section>`
}

async function classSection(one: AuditedClass, sources: AuditSources): Promise<Html> {
  const places = new Map(sources.names.map((name, i) => [name, i]))
  const number = sources.classes.indexOf(one.class)
  const isCalled = (index: number): boolean => sources.observed.predicted[index] === number // maps of others explain other classes
  const indicesOf = ({ images }: AuditedCluster): number[] => images.map((name) => places.get(name)!).filter(isCalled)
  const cards: Html[] = []
  for (const cluster of one.clusters) cards.push(await clusterCard(one.class, cluster, indicesOf(cluster), sources))
  const isFlagged = one.clusters.some(({ flagged }) => flagged)
  return html`<details ${new Html(isFlagged ? 'open' : '')}>
    <summary>
      Class ${one.class}: ${counted(one.images, 'image')} ${isFlagged && html`<span class="badge">flagged</span>`}
    </summary>
    <div class="clusters">${cards}</div>
    ${await embeddingSection(one, indicesOf, sources)}
  </details>`
}

async function clusterCard(
  className: string,
  cluster: AuditedCluster,
  indices: number[],
  sources: AuditSources
): Promise<Html> {
  const { id, size, flagged, kind, suspicion, suspicionParts, reason, channels, channelIntervention } = cluster
  const channelText = channels.map(({ channel, relevance, elsewhere }) => {
    const share = (value: number): string => `${(value * 100).toFixed(1)} %`
    return `${channel} (${share(relevance)} of the relevance, elsewhere ${share(elsewhere)})`
  })
  const parts = Object.entries(suspicionParts).map(([name, value]) => `${name} ${value.toFixed(2)}`)
  const patch = sources.patches.find((one) => one.class === className && one.id === id)
  return html`<section class="cluster ${flagged ? 'flagged' : ''}" id="${anchor(className, id)}">
    <h3>Cluster ${id}: ${counted(size, 'image')} ${flagged && html`<span class="badge">${BADGES[kind!]}</span>`}</h3>
    <p>${reason}</p>
    ${channelIntervention && html`<p>${channelIntervention.reason}</p>`}
    <div class="shown">
      ${patch && patternFigure(patch, cluster.where, sources.images.shape)}${indices.length > 0 && (await clusterPictures(className, id, indices, sources))}
    </div>
    <p class="note">
      Suspicion ${suspicion.toFixed(2)} of 1: ${parts.join(', ')}.
      ${channelText.length > 0 && html`Channels of layer ${channels[0]!.layer} with more relevance here than in the rest of the class: ${channelText.join('; ')}.`}
    </p>
  </section>`
}

/** The pattern at its place in the images, in a frame; chequered where any value is allowed. */
function patternFigure({ class: name, id, png }: Patch, where: AuditedCluster['where'], shape: ImageShape): Html {
  const [, height, width] = shape
  const box = where ?? { x: 0, y: 0, width: 1, height: 1 }
  const [down, across] = where ? [height, width] : [1, 1] // else the picture is the pattern
  const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)}%`
  const [left, top] = [share(box.x, across), share(box.y, down)]
  const frame = `left:${left};top:${top};width:${share(box.width, across)};height:${share(box.height, down)}`
  return html`<figure class="map pattern">
    <div>
      <img src="data:image/png;base64,${png}" alt="Pattern of cluster ${id} of class ${name}" width="112" />
      <i style="${frame}"></i>
    </div>
    <figcaption>${where ? 'the pattern, framed' : 'the pattern, at any place'}</figcaption>
  </figure>`
}

/** The cluster's mean map and some of its images. */
async function clusterPictures(className: string, id: number, indices: number[], sources: AuditSources): Promise<Html> {
  const some = new Random(id).some(indices, EXAMPLES)
  const pictures = await examples(sources, some)
  return html`<figure class="map">
      <img
        src="${embedded(await meanMap(sources, indices))}"
        alt="Mean relevance of cluster ${id} of class ${className}"
        width="112"
      />
      <figcaption>mean relevance</figcaption>
    </figure>
    <figure>
      <ul class="examples">
        ${pictures.map((picture, i) => {
          const name = sources.names[some[i]!]!
          const source = `data:image/webp;base64,${picture.toString('base64')}`
          return html`<li><img src="${source}" alt="${name}" title="${name}" /></li>`
        })}
      </ul>
      <figcaption>examples</figcaption>
    </figure>`
}

/** The embedding with buttons for its clusters; the script does the rest. */
async function embeddingSection(
  one: AuditedClass,
  indicesOf: (cluster: AuditedCluster) => number[],
  sources: AuditSources
): Promise<Html> {
  const all = one.clusters.flatMap((cluster) => indicesOf(cluster).map((index) => ({ index, cluster: cluster.id })))
  const shown = new Random(3).some(all, MOST_POINTS)
  const indices = shown.map(({ index }) => index)
  const places = embed(rowsOf(sources.observed.maps, indices))
  const points = shown.map(({ index, cluster }, i) => {
    const at = (value: number): number => Number((3 + value * (SIZE - 6)).toFixed(2))
    return [at(places[i]![0]), at(places[i]![1]), cluster, sources.names[index]!] as const
  })
  const data = { points, sprite: await sprite(sources, indices), side: THUMB, columns: SPRITE_COLUMNS, size: SIZE }
  const label = `Embedding of ${counted(points.length, 'image')} of class ${one.class}. Draw a square with the mouse or a finger, or move it with the arrow keys and change its size with plus and minus.`
  return html`<section data-embedding aria-label="Embedding of class ${one.class}">
    <script type="application/json">
      ${new Html(JSON.stringify(data).replaceAll('<', '\\u003c'))}
    </script>
    <p class="note">${label}</p>
    <div>
      ${one.clusters.map(
        ({ id }) =>
          html`<button type="button" data-cluster="${id}" aria-pressed="false">
            <i style="background:${COLOURS[id % COLOURS.length]}"></i>Cluster ${id}
          </button>`
      )}
    </div>
    <div class="embedding">
      <svg viewBox="0 0 ${SIZE} ${SIZE}" tabindex="0" role="application" aria-label="${label}">
        ${points.map(([x, y, cluster]) => html`<circle cx="${x}" cy="${y}" r="1.3" class="c${cluster % COLOURS.length}"></circle>`)}
        <rect class="box" style="display:none" x="40" y="40" width="20" height="20"></rect>
      </svg>
      <div>
        <p role="status">Nothing is selected.</p>
        <div class="chosen" tabindex="0" role="group" aria-label="Selected images of class ${one.class}"></div>
      </div>
    </div>
  </section>`
}

const anchor = (className: string, cluster: number): string => `c-${className.replace(/\W+/g, '-')}-${cluster}`
