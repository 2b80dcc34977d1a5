import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import sharp from 'sharp'
import { colourMap, colourMapNames, isDiverging } from '../../src/plot/colour-maps.js'
import { figure, figureSvg } from '../../src/plot/figure.js'
import { contours, overlay } from '../../src/plot/overlay.js'
import {
  animation,
  heatmap,
  imagePicture,
  joinWide,
  pictureToPng,
  strongest,
  sumOverChannels,
  type Picture
} from '../../src/plot/picture.js'

const pixels = ({ data }: Picture): number[][] => {
  const count = data.length / 3
  return Array.from({ length: count }, (_, i) => [...data.subarray(i * 3, i * 3 + 3)])
}

const plain = (width: number, height: number, value = 100): Picture => ({
  data: new Uint8Array(width * height * 3).fill(value),
  width,
  height
})

describe('colour maps', () => {
  test('zero is white or black in the maps with a middle', () => {
    for (const name of colourMapNames().filter(isDiverging)) {
      expect([name, ...colourMap(name)(0)]).toEqual([name, ...(name === 'coldnhot' ? [0, 0, 0] : [255, 255, 255])])
    }
  })

  test('positive is red and negative blue', () => {
    for (const name of ['red-blue', 'bwr', 'seismic']) {
      const [[red, , blue], [red2, , blue2]] = [colourMap(name)(0.8), colourMap(name)(-0.8)]
      expect(red).toBeGreaterThan(blue)
      expect(blue2).toBeGreaterThan(red2)
    }
  })

  test('any number is a colour', () => {
    fc.assert(
      fc.property(fc.constantFrom(...colourMapNames()), fc.double(), (name, value) => {
        for (const part of colourMap(name)(value)) expect(part >= 0 && part <= 255).toBe(true)
      })
    )
  })

  test('what is no number is grey', () => {
    expect(colourMap('red-blue')(NaN)).toEqual([128, 128, 128])
  })

  test('an unknown one suggests the nearest', () => {
    expect(() => colourMap('virdis')).toThrow("did you mean 'viridis'?")
    expect(() => colourMap('toString')).toThrow('there is no colour map')
  })
})

describe('heatmap', () => {
  const shape = [1, 1, 3]

  test('is symmetric about zero on the scale of its largest magnitude', () => {
    expect(pixels(heatmap([2, 0, -1], shape, { colourMap: 'bwr' }))).toEqual([
      [255, 0, 0],
      [255, 255, 255],
      [128, 128, 255]
    ])
  })

  test('sums over channels first', () => {
    expect([...sumOverChannels([1, 2, 3, 10, 20, 30], [2, 1, 3])]).toEqual([11, 22, 33])
  })

  test('a given scale makes maps comparable', () => {
    expect(pixels(heatmap([1, 0, 0], shape, { colourMap: 'bwr', scale: 2 }))[0]).toEqual([255, 128, 128])
  })

  test('a quantile keeps one strong pixel from drowning the others', () => {
    const values = Float32Array.from({ length: 100 }, (_, i) => (i === 0 ? 1000 : 1))
    expect(strongest(values, 0.99)).toBe(1)
    expect(strongest(values)).toBe(1000)
  })

  test('asymmetric colours span the lowest to the highest value', () => {
    const [low, , high] = pixels(heatmap([3, 4, 5], shape, { colourMap: 'bwr', asymmetric: true }))
    expect([low, high]).toEqual([
      [0, 0, 255],
      [255, 0, 0]
    ])
  })

  test('nothing but zeros is white', () => {
    expect(new Set(heatmap([0, 0, 0], shape).data)).toEqual(new Set([255]))
  })
})

describe('pictures', () => {
  test('one channel becomes grey, three stay coloured', () => {
    expect(pixels(imagePicture([1, 2], [1, 1, 2]))).toEqual([
      [1, 1, 1],
      [2, 2, 2]
    ])
    expect(pixels(imagePicture([1, 2, 3, 4, 5, 6], [3, 1, 2]))).toEqual([
      [1, 3, 5],
      [2, 4, 6]
    ])
  })

  test('small ones are enlarged without smoothing', async () => {
    const png = await pictureToPng(imagePicture([0, 255], [1, 1, 2]), 8)
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([8, 4])
    expect(new Set(data)).toEqual(new Set([0, 255]))
  })

  test('are joined side by side', () => {
    const wide = joinWide([imagePicture([1, 2, 3, 4], [1, 2, 2]), imagePicture([5, 6], [1, 2, 1])])
    expect([wide.width, wide.height]).toEqual([3, 2])
    expect(pixels(wide).map(([red]) => red)).toEqual([1, 2, 5, 3, 4, 6])
  })

  test('move as WebP', async () => {
    const frames = [plain(4, 4, 0), plain(4, 4, 128), plain(4, 4, 255)]
    const { format, pages, loop } = await sharp(await animation(frames, { size: 16 })).metadata()
    expect([format, pages, loop]).toEqual(['webp', 3, 0])
  })
})

describe('overlay and contours', () => {
  test('an image without relevance stays, in grey', () => {
    const image = imagePicture([200, 200, 100, 100, 0, 0], [3, 1, 2])
    const [first] = pixels(overlay(image, [0, 0], [1, 1, 2]))
    expect(new Set(first).size).toBe(1)
  })

  test('full relevance covers the image', () => {
    const [first, second] = pixels(overlay(plain(2, 1), [1, -1], [1, 1, 2], { colourMap: 'bwr' }))
    expect([first, second]).toEqual([
      [255, 0, 0],
      [0, 0, 255]
    ])
  })

  test('a contour goes round the fewest pixels that hold the share', () => {
    const [line] = contours([0, 0, 0, 0, 9, 0, 0, 0, 1], [1, 3, 3], 0.9)
    expect(line!.path.match(/M\d+ \d+[hv]1/g)).toHaveLength(4)
    expect(line!.path).toContain('M1 1h1')
    expect(line!.path).toContain('M2 1v1')
  })

  test('a grainy map of a large image gets one line, not a line round every grain', () => {
    const side = 96
    const grainy = Float32Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [i % side, Math.floor(i / side)]
      return (x - 48) ** 2 + (y - 48) ** 2 < 400 && (x + y) % 2 === 0 ? 1 : 0
    })
    const [line] = contours(grainy, [1, side, side], 0.5)
    const [, , left, top] = /M((\d+)) (\d+)/.exec(line!.path)!.map(Number)
    expect(line!.path.split('M').length - 1).toBeLessThan(150)
    expect(Math.abs(left! - 48)).toBeLessThan(20)
    expect(top!).toBeGreaterThan(25)
    expect(top!).toBeLessThan(40)
  })

  test('a sign that hardly counts gets no line; zeros get none at all', () => {
    expect(contours([100, -1], [1, 1, 2])).toHaveLength(1)
    expect(contours([100, -50], [1, 1, 2])).toHaveLength(2)
    expect(contours([0, 0], [1, 1, 2])).toEqual([])
  })
})

describe('figures', () => {
  const panels = [
    { title: 'a', picture: plain(8, 8) },
    { title: 'a title that is too long for its picture by far', picture: plain(8, 8, 0) },
    { title: 'lines', picture: plain(4, 8), outlines: contours(new Float32Array(32).fill(1), [1, 8, 4]) }
  ]

  test('have rows and columns', async () => {
    const one = await sharp(await figure(panels, [], { size: 64 })).metadata()
    const two = await sharp(await figure(panels, [], { size: 64, columns: 2 })).metadata()
    expect(one.width).toBe(16 + 3 * 80)
    expect(two.width).toBe(16 + 2 * 80)
    expect(two.height).toBeGreaterThan(one.height!)
  })

  test('rows are as high as their own pictures', async () => {
    const bar = { title: 'bar', picture: plain(8, 2) }
    const heightOf = async (last: typeof bar): Promise<number> =>
      (await sizeOfPng(await figure([panels[0]!, last], [], { size: 64, columns: 1 }))).height
    expect(await heightOf({ title: 'whole', picture: plain(8, 8) })).toBe((await heightOf(bar)) + 48)
  })

  test('leave the first panel alone in its column', async () => {
    const five = [...panels, ...panels.slice(0, 2)].map((panel) => ({ ...panel, picture: plain(8, 8) }))
    const svg = await figureSvg(five, [], { size: 64, columns: 3, aside: true })
    const places = [...svg.matchAll(/<image x="(\d+)" y="(\d+)"/g)].map(([, x, y]) => [Number(x), Number(y)])
    const [top, below] = [places[0]![1]!, places[3]![1]!]
    expect(below).toBeGreaterThan(top)
    expect(places).toEqual([
      [16, top],
      [96, top],
      [176, top],
      [96, below],
      [176, below]
    ])
    const two = await sharp(await figure(five.slice(0, 3), [], { size: 64, columns: 3, aside: true })).metadata()
    expect(two.width).toBe(16 + 3 * 80)
  })

  test('grow with their captions, which are broken into lines', async () => {
    const heights = await Promise.all(
      [['short'], ['word '.repeat(60)]].map(
        async (captions) => (await sharp(await figure(panels, captions)).metadata()).height!
      )
    )
    expect(heights[1]).toBeGreaterThan(heights[0]! + 18)
  })

  test('hold text as paths, so that no font is needed', async () => {
    const wider = { title: 'wide', picture: { data: new Uint8Array(300 * 3), width: 300, height: 1 } }
    const uneven = await figureSvg([...panels, wider], [], { size: 64 })
    const left = [...uneven.matchAll(/<image x="(\d+)"/g)].map(([, x]) => Number(x))
    expect(left.at(-1)).toBe(16 + panels.length * (200 + 16)) // a column is as wide as its own pictures, and at least 200
    const svg = await figureSvg(panels, ['caption <&>'])
    expect(svg).not.toContain('<text')
    expect(svg.match(/<image /g)).toHaveLength(3)
    const { width, height } = await sharp(Buffer.from(svg)).metadata()
    expect([width, height]).toEqual(Object.values(await sizeOfPng(await figure(panels, ['caption <&>']))))
  })

  test('shrink large pictures only where asked', async () => {
    const large = [{ title: '', picture: plain(300, 150) }]
    expect((await sizeOfPng(await figure(large, [], { size: 100 }))).width).toBe(332)
    expect((await sizeOfPng(await figure(large, [], { size: 100, shrink: true }))).width).toBe(132)
  })
})

async function sizeOfPng(png: Buffer): Promise<{ width: number; height: number }> {
  const { width, height } = await sharp(png).metadata()
  return { width: width!, height: height! }
}
