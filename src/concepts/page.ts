import { sharp } from '../core/sharp.js'
import { sizeOf, type Tensor } from '../core/tensor.js'
import { explain } from '../explain/explain.js'
import type { ExplainOptions } from '../explain/options.js'
import type { Model } from '../model/model.js'
import { titleOf } from '../model/title.js'
import { denormalise } from '../model/preprocessing.js'
import { embedded, html, Html, page, table } from '../plot/html.js'
import { counted } from '../core/plural.js'
import { heatmap, imagePicture, pictureToPng, type Picture } from '../plot/picture.js'
import type { ConceptChannel, ConceptsResult } from './result.js'
import { receptiveField, windowOf } from './receptive-field.js'

/** Reference samples of a channel that are drawn with their maps. */
const DRAWN = 6
/** Classes that are drawn; `concepts.json` holds all. */
const MOST_CLASSES = 40
const SIDE = 84
const COLOURS: [number, number, number][] = [
  [11, 92, 173],
  [194, 65, 12],
  [21, 128, 61],
  [126, 34, 206],
  [185, 28, 28],
  [14, 116, 144]
]

const STYLE = `<style>
.concept { border-top: 1px solid var(--line); padding: 10px 0; } .concept h3 { margin: 0 0 4px; font-size: 1rem; }
.pairs { display: flex; flex-wrap: wrap; gap: 8px; margin: 0; padding: 0; list-style: none; } .pairs img { display: block; margin-bottom: 3px; width: ${SIDE}px; height: ${SIDE}px; image-rendering: pixelated; object-fit: contain; }
.atlas { display: flex; flex-wrap: wrap; gap: 16px; } .atlas img { width: 192px; height: 192px; image-rendering: pixelated; object-fit: contain; } .key { list-style: none; padding: 0; margin: 0; } .key i { display: inline-block; width: .8em; height: .8em; margin-right: 6px; }
summary { cursor: pointer; font-size: 1.15rem; padding: 10px 0; font-weight: 600; } details { border-bottom: 1px solid var(--line); }
</style>`

interface Sources {
  /** One image as the network wants it. */
  read: (name: string) => Promise<Tensor>
  how: ExplainOptions
  /** The image of the atlas. */
  image: Tensor
}

/** The concepts of every class as one page that needs nothing from anywhere. */
export async function conceptsPage(model: Model, result: ConceptsResult, sources: Sources): Promise<string> {
  const { layer, classes, images, rule, by, measure } = result
  const plane = model.shapes()[layer]!.slice(2)
  const sections: Html[] = []
  const shown = [...classes].sort((a, b) => b.images - a.images).slice(0, MOST_CLASSES)
  for (const { class: name, images: count, channels } of classes.filter((one) => shown.includes(one))) {
    const cards: Html[] = []
    for (const channel of channels) cards.push(await conceptCard(model, result, channel, plane, sources))
    sections.push(
      html`<details ${new Html(sections.length === 0 ? 'open' : '')}>
        <summary>Class ${name}: ${counted(count, 'image')}</summary>
        ${cards}
      </details>`
    )
  }
  const body = html`${new Html(STYLE)}
    <h1>Concepts of ${titleOf(model)}</h1>
    <p class="note">
      Layer ${layer}, ${counted(images, 'image')} of ${result.data}, explained by ${rule}. Images are ranked by the
      ${measure} of the channel's ${by}.
    </p>
    <h2>Concepts of one image</h2>
    ${await atlasSection(model, result, sources)}
    <h2>Concepts of each class</h2>
    <p class="note">
      For each channel, the page shows the images with the highest rank. The upper picture is the channel's receptive
      field in the image. The lower picture is the relevance that passes through the channel: red is evidence for the
      class, blue is evidence against it.
    </p>
    ${
      classes.length > MOST_CLASSES &&
      html`<p class="note">
        The page shows the ${MOST_CLASSES} classes with the most images. Use --class NAME to show another class.
      </p>`
    }
    ${sections}`
  return page(`Concepts of ${titleOf(model)}`, body)
}

async function conceptCard(
  model: Model,
  { layer }: ConceptsResult,
  { channel, relevance, samples }: ConceptChannel,
  plane: number[],
  { read, how }: Sources
): Promise<Html> {
  const field = receptiveField(model.graph, model.parameterShapes, layer)
  const drawn = samples.slice(0, DRAWN)
  const inputs: Tensor[] = []
  for (const { image } of drawn) inputs.push(await read(image))
  const { relevance: maps } = await explain(model, stacked(inputs), {
    ...how,
    concepts: { [layer]: [channel] },
    exclusive: true
  })
  const pairs: Html[] = []
  for (const [i, { image, place }] of drawn.entries()) {
    const [, ...shape] = inputs[i]!.shape as [number, number, number, number]
    const across = plane[1] ?? 1
    const box = windowOf(field, [Math.floor(place / across), place % across], [shape[1], shape[2]])
    const map = maps.data.subarray(i * sizeOf(shape), (i + 1) * sizeOf(shape))
    pairs.push(
      html`<li>
        <img
          src="${embedded(await cut(pictureOf(model, inputs[i]!), box))}"
          alt="${image}: receptive field of channel ${channel}"
          title="${image}"
        />
        <img
          src="${embedded(await cut(heatmap(map, shape), box))}"
          alt="Relevance through channel ${channel}"
          title="Relevance through channel ${channel}"
        />
      </li>`
    )
  }
  return html`<section class="concept">
    <h3>Channel ${channel}: ${(relevance * 100).toFixed(1)} % of the relevance</h3>
    <ul class="pairs">
      ${pairs}
    </ul>
  </section>`
}

async function atlasSection(model: Model, { atlas }: ConceptsResult, { image }: Sources): Promise<Html> {
  const [height, width] = atlas.size
  const picture = pictureOf(model, image)
  const data = coloured(picture, atlas.where)
  return html`<div class="atlas">
      <figure>
        <img src="${embedded(await pictureToPng(picture, 192))}" alt="The image ${atlas.image}" />
        <figcaption>${atlas.image}, predicted ${atlas.class}</figcaption>
      </figure>
      <figure>
        <img
          src="${embedded(await pictureToPng({ data, height, width }, 192))}"
          alt="Atlas: the channel with the largest relevance at each pixel, among ${atlas.channels.length} channels"
        />
        <figcaption>the channel with the largest relevance at each pixel</figcaption>
      </figure>
      <ul class="key">
        ${atlas.channels.map(
          ({ channel, relevance }, i) =>
            html`<li>
              <i style="background:rgb(${COLOURS[i % COLOURS.length]!.join()})"></i>channel ${channel}:
              ${(relevance * 100).toFixed(1)} % of the relevance
            </li>`
        )}
      </ul>
    </div>
    <h3>The path of concepts</h3>
    ${table(
      'The path of concepts',
      ['layer', 'channel', 'share of relevance', 'propagated from'],
      atlas.path.map(({ layer: name, channel, above, share }) => [
        name,
        channel,
        `${(share * 100).toFixed(1)} %`,
        above === null ? 'the class' : `channel ${above}`
      ]),
      ['propagated from']
    )}`
}

/** The image in grey, each place in the colour of its channel. */
function coloured({ data, height, width }: Picture, where: number[]): Uint8Array {
  const result = new Uint8Array(3 * height * width)
  where.forEach((place, i) => {
    const grey = (data[3 * i]! + data[3 * i + 1]! + data[3 * i + 2]!) / 3
    const colour = place < 0 ? [235, 235, 235] : COLOURS[place % COLOURS.length]!
    for (let c = 0; c < 3; c++) result[3 * i + c] = Math.round(0.65 * colour[c]! + 0.35 * grey)
  })
  return result
}

function stacked(inputs: Tensor[]): Tensor {
  const data = new Float32Array(inputs.reduce((sum, one) => sum + one.data.length, 0))
  let at = 0
  for (const one of inputs) {
    data.set(one.data, at)
    at += one.data.length
  }
  return { data, shape: [inputs.length, ...inputs[0]!.shape.slice(1)] }
}

function pictureOf(model: Model, input: Tensor): Picture {
  const bytes = model.preprocessing ? denormalise(input, model.preprocessing) : input.data.map((v) => v * 255)
  return imagePicture(bytes, input.shape.slice(1))
}

async function cut(
  picture: Picture,
  box: { top: number; left: number; height: number; width: number }
): Promise<Buffer> {
  const raw = { width: picture.width, height: picture.height, channels: 3 as const }
  return sharp(picture.data, { raw })
    .extract({ ...box, top: Math.round(box.top), left: Math.round(box.left) })
    .png()
    .toBuffer()
}
