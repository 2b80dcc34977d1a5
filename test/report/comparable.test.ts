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

const removal = (name: string, fill: string, images: number, unimportant: number) => ({
  name,
  pictures: [],
  result: {
    method: name,
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

test('the report marks the best removal among those of one fill and as many images', () => {
  const experiment = {
    name: 'one',
    folder: '.',
    command: {},
    versions: {},
    history: [],
    explanations: [],
    charts: [],
    removals: [
      removal('epsilon', 'zero', 10, 0.7),
      removal('gamma', 'zero', 10, 0.8),
      removal('zplus', 'mean', 99, 0.9)
    ]
  } as unknown as ExperimentReport
  const page = reportHtml([experiment])
  expect(page).toMatch(/<td class="best">0.6000<\/td>/) // gamma's gap; that of zplus is not comparable
  expect(page).not.toMatch(/<td class="best">0.7000<\/td>/)
  expect(page).toContain('images 99 instead of 10, fill mean instead of zero')
})
