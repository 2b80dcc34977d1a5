import { join } from 'node:path'
import { ioError, makeFolder, writeAtomic } from '../core/files.js'
import { sizeOf } from '../core/tensor.js'
import { embed } from './page/embedding.js'
import { rowsOf, signedOf } from './observe.js'
import type { AuditResult } from './result.js'
import type { AuditSources } from './sources.js'

/** Images that are written at a time. */
const CHUNK = 64

type H5 = typeof import('h5wasm/node')
type File = InstanceType<H5['File']>

/**
 * The project that ViRelAy opens (Anders et al. 2021): images, maps and, for every class, its clusters and embedding, as HDF5
 * files in the folder `virelay`. @throws LrpError IO
 */
export async function writeVirelay(result: AuditResult, sources: AuditSources, output: string): Promise<string[]> {
  const folder = join(output, 'virelay')
  await makeFolder(folder)
  const h5 = await import('h5wasm/node')
  await h5.ready
  const path = (name: string): string => join(folder, name)
  try {
    await writeImages(h5, path('input.h5'), sources)
    await writeMaps(h5, path('attribution.h5'), sources)
    writeAnalysis(h5, path('analysis.h5'), result, sources)
  } catch (cause) {
    throw ioError(cause, `cannot write ${folder}`)
  }
  const classes = sources.classes.map((name, index) => ({ index, word_net_id: idOf(index), name }))
  await writeAtomic(path('label-map.json'), JSON.stringify(classes, null, 2) + '\n')
  await writeAtomic(path('project.yaml'), projectText(result))
  return ['project.yaml', 'label-map.json', 'input.h5', 'attribution.h5', 'analysis.h5'].map(path)
}

const idOf = (index: number): string => String(index).padStart(8, '0')

/** A text in YAML: JSON's strings are YAML's. */
function projectText({ model, data, rule }: AuditResult): string {
  return `project:
  name: ${JSON.stringify(`Audit of ${model}`)}
  model: ${JSON.stringify(model)}
  label_map: label-map.json
  dataset:
    name: ${JSON.stringify(data)}
    type: hdf5
    path: input.h5
  attributions:
    attribution_method: ${JSON.stringify(rule)}
    attribution_strategy: predicted_label
    sources:
      - attribution.h5
  analyses:
    - analysis_method: Spectral
      sources:
        - analysis.h5
`
}

/** A dataset [images, ...] that is written some images at a time, so that it need not fit into memory. */
async function writeInChunks(
  file: File,
  { name, shape, dtype }: { name: string; shape: number[]; dtype: string },
  read: (from: number, to: number) => Promise<Uint8Array | Float32Array>
): Promise<void> {
  const [total, ...rest] = shape as [number, ...number[]]
  const first = Math.min(CHUNK, total)
  const data = await read(0, first)
  const chunks = [first, ...rest]
  const dataset = file.create_dataset({ name, data, dtype, shape: chunks, maxshape: shape, chunks })
  if (total > first) dataset.resize(shape)
  for (let from = first; from < total; from += CHUNK) {
    const to = Math.min(total, from + CHUNK)
    dataset.write_slice([[from, to], ...rest.map((): [] => [])], await read(from, to))
  }
}

async function writeImages(h5: H5, path: string, { images, labels }: AuditSources): Promise<void> {
  const file = new h5.File(path, 'w')
  const size = sizeOf(images.shape)
  await writeInChunks(
    file,
    { name: 'data', shape: [labels.length, ...images.shape], dtype: '<B' },
    async (from, to) => {
      const bytes = new Uint8Array((to - from) * size)
      const some = await images.read(Array.from({ length: to - from }, (_, i) => from + i))
      some.forEach((one, i) => bytes.set(one, i * size))
      return bytes
    }
  )
  writeLabels(file, labels)
  file.close()
}

async function writeMaps(
  h5: H5,
  path: string,
  { images, observed, labels, classes: names }: AuditSources
): Promise<void> {
  const file = new h5.File(path, 'w')
  const total = labels.length
  const [, height, width] = images.shape
  const shape = [total, 1, height, width]
  await writeInChunks(file, { name: 'attribution', shape, dtype: '<f' }, (from, to) => {
    const maps = new Float32Array((to - from) * height * width)
    for (let i = from; i < to; i++) maps.set(signedOf(observed, i, images.shape), (i - from) * height * width)
    return Promise.resolve(maps)
  })
  const classes = names.length
  const predicted = new Float32Array(total * classes)
  observed.predicted.forEach((one, i) => (predicted[i * classes + one] = 1))
  file.create_dataset({ name: 'prediction', data: predicted, shape: [total, classes], dtype: '<f' })
  writeLabels(file, labels)
  file.close()
}

function writeLabels(file: File, labels: Int32Array): void {
  file.create_dataset({ name: 'label', data: Uint16Array.from(labels), shape: [labels.length], dtype: '<H' })
}

function writeAnalysis(
  h5: H5,
  path: string,
  { classes }: AuditResult,
  { observed, names, classes: classNames }: AuditSources
): void {
  const file = new h5.File(path, 'w')
  const places = new Map(names.map((name, i) => [name, i]))
  const numbers = new Map(classNames.map((name, number) => [name, number]))
  for (const { class: name, clusters, eigenvalues } of classes) {
    const number = numbers.get(name)!
    const members = clusters
      .flatMap(({ id, images }) => images.map((image) => [places.get(image)!, id] as const))
      .filter(([place]) => observed.predicted[place] === number)
    const index = members.map(([place]) => place)
    const group = file.create_group(idOf(number))
    group.create_dataset({ name: 'index', data: Uint32Array.from(index), shape: [index.length], dtype: '<I' })
    const cluster = group.create_group('cluster')
    const ids = Uint32Array.from(members, ([, id]) => id)
    cluster.create_dataset({ name: 'spectral', data: ids, shape: [ids.length], dtype: '<I' })
    const points = Float32Array.from(embed(rowsOf(observed.maps, index)).flat())
    const embedding = group.create_group('embedding')
    embedding
      .create_dataset({ name: 'umap', data: points, shape: [index.length, 2], dtype: '<f' })
      .create_attribute('eigenvalue', Float32Array.from(eigenvalues), [eigenvalues.length], '<f')
  }
  file.close()
}
