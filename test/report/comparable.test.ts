import { expect, test } from '@jest/globals'
import { comparable } from '../../src/report/comparable.js'
import type { ExperimentReport } from '../../src/report/gather.js'
import { reportHtml } from '../../src/report/page.js'

test('results are compared with those of the same conditions; the others say what differs', () => {
  const results = [
    { name: 'a', fill: 'mean', images: 10 },
    { name: 'b', fill: 'black', images: 10 },
    { name: 'c', fill: 'mean', images: 10 },
    { name: 'd', fill: 'black', images: 50 }
  ]
  const found = comparable(results, ({ fill, images }) => ({ fill, images }))
  expect(found.map((group) => [group.results.map(({ name }) => name).join(), group.differences])).toEqual([
    ['a,c', ''],
    ['b', 'fill black instead of mean'],
    ['d', 'fill black instead of mean, images 50 instead of 10']
  ])
})

const removal = (name: string, fill: string, images: number, unimportant: number, inputKind = 'image') => ({
  name,
  pictures: [],
  result: {
    method: name,
    inputKind,
    settings: {},
    fill,
    images,
    curve: [
      { fraction: 0, important: 1, unimportant: 1 },
      { fraction: 0.5, important: 0.2, unimportant }
    ],
    perImage: { important: [], unimportant: [] }
  }
})

const report = (more: object): ExperimentReport =>
  ({
    name: 'one',
    folder: '.',
    command: {},
    versions: {},
    history: [],
    explanations: [],
    charts: [],
    removals: [],
    ...more
  }) as unknown as ExperimentReport

test('the report marks the best removal among those of one fill and as many images', () => {
  const experiment = report({
    removals: [
      removal('epsilon', 'zero', 10, 0.7),
      removal('gamma', 'zero', 10, 0.8),
      removal('zplus', 'mean', 99, 0.9)
    ]
  })
  const page = reportHtml([experiment])
  expect(page).toMatch(/<td class="best">0.6000<\/td>/) // gamma's gap; that of zplus is not comparable
  expect(page).not.toMatch(/<td class="best">0.7000<\/td>/)
  expect(page).toContain('images 99 instead of 10, fill mean instead of zero')
})

/** Scores of a test of independent labels. */
const labelTest = (meanAveragePrecision: number): object => ({
  task: 'multilabel',
  data: 'scenes',
  split: 'test',
  images: 20,
  imagesPerSecond: 1,
  exactMatch: 0.5,
  labelAccuracy: 0.5,
  meanAveragePrecision,
  rocAuc: null,
  microF1: 0.25,
  macroF1: 0.5,
  logLoss: 0.5,
  perLabel: []
})

test('experiments with independent labels are compared by mean average precision', () => {
  const page = reportHtml([
    report({ name: 'one', test: labelTest(0.8) }),
    report({ name: 'two', test: labelTest(0.9) })
  ])
  const cells = (row: string): string[] =>
    Array.from(new RegExp(`<th scope="row">${row}</th>([^]*?)</tr>`).exec(page)![1]!.matchAll(/<td[^>]*>(.*?)<\/td>/g), ([cell]) => cell) // prettier-ignore
  const heads = Array.from(page.matchAll(/<th scope="col"[^>]*>(.*?)<\/th>/g), ([, name]) => name!)
  const column = heads.indexOf('mAP') - 1
  expect(heads[heads.indexOf('mAP') + 1]).toBe('Micro F1')
  expect(cells('one')[column]).toBe('<td class="">0.8000</td>')
  expect(cells('two')[column]).toBe('<td class="best">0.9000</td>')
  expect(cells('two')[column + 1]).toBe('<td class="">0.2500</td>')
  expect(reportHtml([report({}), report({ name: 'two' })])).not.toContain('mAP')
})

test('inputs are called what they are', () => {
  const summary = {
    inputKind: 'signal',
    images: [{ name: '0' }, { name: '1' }],
    milliseconds: 1,
    conservationError: 0,
    warnings: [],
    settings: {}
  }
  const page = reportHtml([
    report({
      explanations: [{ name: 'epsilon', summary, pictures: [] }],
      removals: [removal('epsilon', 'zero', 10, 0.7, 'table')]
    })
  ])
  expect(page).toContain('2 signals in 1 ms')
  expect(page).toContain('after removing columns.')
  expect(page).toMatch(/<th scope="col" class="">Rows<\/th>/)
  expect(page).not.toMatch(/\bimages?\b|pixel/)
})
