import { describe, expect, test } from '@jest/globals'
import { native, type NativeArrangement } from '../../src/native/addon.js'
import type { NativeProcessGroupOptions } from '../../src/native/handles.js'

/** Structs that cross to C++ have one field list there (native/node/fields.h). */
describe('what crosses to C++ is complete', () => {
  const group = { rank: 0, size: 1, address: '127.0.0.1', port: 1, launcherHosts: false, prefix: 'p' }
  const whole = { ...group, networkInterface: '', timeout: 1 }
  const open = (options: object): unknown => new (native().ProcessGroup)(options as NativeProcessGroupOptions)

  test.each(Object.keys(whole))('a missing field is named: %s', (name) => {
    expect(() => open({ ...whole, [name]: undefined })).toThrow(`the process group: ${name} is missing`)
  })

  test.each([
    ['rank', 1.5, 'a whole number'],
    ['port', NaN, 'a whole number'],
    ['port', 2 ** 40, 'a whole number'],
    ['address', 1, 'a string'],
    ['launcherHosts', 'yes', 'true or false'],
    ['timeout', '60', 'a number']
  ])('a field of another type is named: %s', (name, value, wanted) => {
    expect(() => open({ ...whole, [name]: value })).toThrow(`the process group: ${name} must be ${wanted}`)
  })

  test('a place in a list is named, and the code is INVALID_ARGUMENT', () => {
    const initialise = (second: object): Promise<unknown> =>
      native().initialise([{ name: 'a', shape: [1], value: 0 }, second as { name: string; shape: number[] }], 0)
    expect(() => initialise({ name: 'b' })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: 'the parameters: [1].shape is missing' })
    )
    expect(() => initialise({ name: 'b', shape: [2, 'x'] })).toThrow('the parameters: [1].shape[1] must be a whole')
    expect(() => native().initialise([], -1)).toThrow('the seed must be a whole number of at least 0')
  })

  test('a graph is complete: a missing field is named with its node', () => {
    const node = { name: 'a', op: 'relu', inputs: ['input'], attributes: {}, parameters: {} }
    const fold = (nodes: object[]): unknown => native().foldConstants({ nodes, output: 'a' } as never, {}, [])
    for (const name of ['op', 'inputs', 'attributes', 'parameters'])
      expect(() => fold([{ ...node, [name]: undefined }])).toThrow(`node 'a': ${name} is missing`)
    expect(() => fold([node, { ...node, name: undefined }])).toThrow('the graph: nodes[1].name is missing')
    expect(() => fold([{ ...node, attributes: { size: [{}] } }])).toThrow("node 'a': attributes: attribute 'size' must")
    expect(() => native().foldConstants({ nodes: [node] } as never, {}, [])).toThrow('the graph: output is missing')
  })

  test('an optional field may be missing, but not be something else', async () => {
    const stored = { consumes: false, height: 1, width: 2, channels: 1, planar: true, interpolation: 'bilinear' }
    const arrange = (more: object): Promise<void> =>
      native().arrangeImage(
        Uint8Array.of(1, 2),
        { ...stored, ...more } as NativeArrangement,
        new Uint8Array(2),
        [1, 1, 2]
      )
    await arrange({})
    await arrange({ resize: null })
    expect(() => arrange({ resize: [1] })).toThrow('the arrangement: resize must have 2 entries')
    expect(() => arrange({ crop: 'middle' })).toThrow('the arrangement: crop must be a list')
  })
})
