import { expect, test } from '@jest/globals'
import type { DType } from '../../../src/core/tensor.js'
import {
  rowMajor,
  type Argument,
  type Literal,
  type Meta,
  type Program
} from '../../../src/model/import/pt2/program.js'
import { SPECIAL } from '../../../src/model/import/pt2/special.js'
import { Translation } from '../../../src/model/import/pt2/translate.js'
import { native, type AtenArgument } from '../../../src/native/addon.js'

// An argument that is given and not understood must not be lost: for every op that becomes one with rules of its own, and
// every argument of its schemas that has a default, another value gives another graph, or the file is refused.

/** Where and how a result is computed, and not what it is. */
const PLACEMENT = /^(non_blocking|cudnn_enabled?|benchmark|deterministic|allow_tf32|implicit|pin_memory|memory_format)$/
/** Without an effect on the graph here: training statistics, the precision of floats, as many heads of keys as of queries. */
const WITHOUT_EFFECT = /^(momentum|dtype|enable_gqa)$/
const SIZES = [2, 4, 8, 8]

const meta = (dtype: DType = 'f32', sizes = SIZES): Meta => ({ dtype, sizes, traced: sizes, strides: rowMajor(sizes) })
const text = ({ type }: AtenArgument) => type.replace(/^Optional\[(.*)\]$/, '$1').replace(/\?$/, '')

function valueOf(one: AtenArgument, name: string, changed: boolean): Argument | undefined {
  const type = text(one)
  const literal = (value: Literal, float = false): Argument => ({ kind: 'literal', value, float })
  if (type === 'Tensor') return { kind: 'tensor', name }
  if (type === 'Tensor[]' || type === 'List[Tensor]') return { kind: 'tensors', names: [name, 'other'] }
  if (type === 'bool') return literal(changed ? one.default !== 'True' && one.default !== '1' : false)
  if (type === 'int') return literal(changed ? 3 : 1)
  if (type === 'float' || type === 'number' || type === 'Scalar') return literal(changed ? 0.375 : 0.5, true)
  if (type === 'str') return literal(changed ? 'tanh' : 'none')
  if (/int/.test(type)) return literal(changed ? [3, 3] : [1, 1])
  if (/float/.test(type)) return literal(changed ? [3, 3] : [1, 1], true)
  return undefined
}

/** The graph of one call, or `refused`. */
function imported(op: string, overload: string, schema: AtenArgument[], more?: AtenArgument): string {
  const given = schema.filter((one) => one.default === undefined || one === more)
  const args = new Map<string, Argument>()
  for (const one of given) {
    const isFirst = one === given[0]
    const value = valueOf(one, isFirst ? 'input' : one === more ? 'extra' : 'other', one === more)
    if (value) args.set(one.name, value)
  }
  const names = ['input', 'other', 'extra', 'y', 'y1']
  const program: Program = {
    path: 'net.pt2',
    input: 'input',
    weights: new Map([
      ['other', 'w'],
      ['extra', 'e']
    ]),
    calls: [{ op, overload, args, results: ['y'] }],
    values: new Map(names.map((name) => [name, meta('f32', name === 'y' ? [2, 4, 4, 16] : SIZES)])),
    outputs: ['y']
  }
  const tensor = { dtype: 'f32' as const, shape: SIZES, data: new Uint8Array(4 * 512) }
  try {
    return JSON.stringify(
      new Translation(
        program,
        new Map([
          ['w', tensor],
          ['e', tensor]
        ])
      ).run().graph
    )
  } catch (error) {
    return `refused: ${(error as Error).name}: ${(error as Error).message}`
  }
}

const overloads = Object.keys(native().atenOverloads()).map((name) => name.slice('aten::'.length).split('.'))
const cases = Object.keys(SPECIAL).flatMap((op) =>
  overloads
    .filter(([name, kind]) => name === op && !/out|Dimname|dimname/.test(kind ?? ''))
    .flatMap(([, kind = 'default']) => {
      const schema = native().atenSchema(op, kind)!
      return schema
        .filter((one) => one.default !== undefined && !PLACEMENT.test(one.name) && !WITHOUT_EFFECT.test(one.name))
        .filter((one) => valueOf(one, 'extra', true) !== undefined)
        .map((one): [string, AtenArgument[], AtenArgument] => [`${op}.${kind}`, schema, one])
    })
)

test('no argument of an op with rules of its own is lost', () => {
  const outcomes = cases.map(([name, schema, one]) => {
    const [op, kind] = name.split('.') as [string, string]
    const [plain, changed] = [imported(op, kind, schema), imported(op, kind, schema, one)]
    const kept = changed.startsWith('refused: LrpError') || (plain !== changed && !changed.startsWith('refused'))
    return { argument: `${name} ${one.name}`, kept, compared: !plain.startsWith('refused') }
  })
  expect(outcomes.filter(({ compared }) => compared).length).toBeGreaterThan(100)
  expect(outcomes.filter(({ kept }) => !kept).map(({ argument }) => argument)).toEqual([])
})
