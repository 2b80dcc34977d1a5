import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { checkContent, checkOptions } from '../../src/core/options.js'
import { layersSchema } from '../../src/model/layers.js'

const schema = z.object({
  share: z.number().min(0).lt(1).optional(),
  rate: z.number().positive().optional(),
  least: z.number().min(3).max(5).optional(),
  epochs: z.int().positive().optional(),
  cache: z.enum(['auto', 'memory', 'none']).optional(),
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  size: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  weights: z.union([z.literal('balanced'), z.array(z.number().min(0))]).optional(),
  sizes: z.array(z.int()).min(1).optional(),
  name: z.string().min(1).optional(),
  flag: z.boolean().optional(),
  heatmap: z.looseObject({ quantile: z.number().gt(0).optional() }).optional(),
  groups: z.array(z.strictObject({ match: z.string().refine((text) => text !== '(', 'is no expression') })).optional(),
  model: z.union([z.string(), layersSchema]).optional(),
  region: z
    .union([z.enum(['predicted', 'all']), z.tuple([z.int(), z.int()]), z.tuple([z.int()]), z.string()])
    .optional(),
  target: z.union([z.union([z.int(), z.string(), z.array(z.int())]), z.object({ head: z.string() })]).optional()
})

function errorOf(options: unknown): { message: string; option?: string; code: string } {
  try {
    checkOptions(schema, options)
  } catch (error) {
    return error as { message: string; option?: string; code: string }
  }
  throw new Error('accepted')
}

describe('a wrong option is named in a plain sentence', () => {
  test.each([
    [{ share: 1.5 }, "option 'share' must be below 1, not 1.5"],
    [{ share: -1 }, "option 'share' must be at least 0, not -1"],
    [{ share: '1' }, "option 'share' must be a number, not '1'"],
    [{ share: NaN }, "option 'share' must be a number, not NaN"],
    [{ rate: 0 }, "option 'rate' must be above 0, not 0"],
    [{ least: 6 }, "option 'least' must be at most 5, not 6"],
    [{ epochs: 1.5 }, "option 'epochs' must be a whole number, not 1.5"],
    [{ cache: 'non' }, "option 'cache' must be one of auto, memory, none, not 'non': did you mean 'none'?"],
    [{ cache: 'somewhere' }, "option 'cache' must be one of auto, memory, none, not 'somewhere'"],
    [{ channels: 2 }, "option 'channels' must be 1 or 3, not 2"],
    [{ size: [1, 2, 3] }, "option 'size' must be a list of at most 2, not [1,2,3]"],
    [{ size: [1, -2] }, "option 'size' must be above 0, not -2"],
    [{ weights: 'even' }, "option 'weights' must be balanced or a list, not 'even'"],
    [{ weights: [1, -1] }, "option 'weights' must be at least 0, not -1"],
    [{ sizes: [] }, "option 'sizes' must be a list of at least 1, not []"],
    [{ name: '' }, "option 'name' must be a non-empty string, not ''"],
    [{ flag: 1 }, "option 'flag' must be true or false, not 1"],
    [{ heatmap: { quantile: 0 } }, "option 'heatmap.quantile' must be above 0, not 0"],
    [{ groups: [{ match: '(' }] }, "option 'groups': [0].match is no expression"],
    [{ groups: [{}] }, "option 'groups': [0].match is missing"],
    [{ groups: [{ match: '', frozn: true }] }, "option 'groups' has no 'frozn'"],
    [{ model: [{ type: 'linaer' }] }, "option 'model': [0].type cannot be 'linaer': did you mean 'linear'?"],
    [{ model: [{ type: 'xyz' }] }, /^option 'model': \[0\].type must be one of convolution, .*, not 'xyz'$/],
    [{ region: 5 }, "option 'region' must be predicted, all, a list or a string, not 5"],
    [{ target: NaN }, "option 'target' must be a number, a string, a list or an object, not NaN"],
    [{ model: 5 }, "option 'model' must be a string or a list, not 5"],
    [5, 'the options must be an object, not 5']
  ])('%j', (options, message) => {
    const error = errorOf(options)
    expect(error.code).toBe('INVALID_ARGUMENT')
    if (typeof message === 'string') expect(error.message).toBe(message)
    else expect(error.message).toMatch(message)
  })

  test('and carried by the error, down to the first list', () => {
    expect(errorOf({ heatmap: { quantile: 0 } }).option).toBe('heatmap.quantile')
    expect(errorOf({ size: [1, -2] }).option).toBe('size')
    expect(errorOf(5).option).toBeUndefined()
  })
})

test('what is wrong in a file is said of the file, and of no option', () => {
  const layers = [{ type: 'flatten' }, { type: 'linear', feature: 3 }]
  const check = (): unknown => checkContent(layersSchema, layers, 'net.json')
  expect(check).toThrow(expect.objectContaining({ message: 'net.json: [1].features is missing' }))
  expect(check).not.toThrow(expect.objectContaining({ option: expect.anything() }))
  const unknown = [{ type: 'linear', features: 3, bais: true }]
  expect(() => checkContent(layersSchema, unknown, 'net.json')).toThrow(
    "net.json: [0] has no 'bais': did you mean 'bias'?"
  )
  expect(() => checkContent(layersSchema, 5, 'net.json')).toThrow('net.json must be a list, not 5')
})
