import { GraphBuilder, type Architecture } from '../builder.js'
import { imagenetPreprocessing } from '../preprocessing.js'
import { convNorm, convNormAct, pooled, squeezeExcite, withShortcut } from './blocks.js'
import type { ArchitectureOptions } from './mlp.js'

/** Expansion, kernel, stride, channels, repeats of each stage of the smallest networks, B0 and lite0. */
export const STAGES: [number, number, number, number, number][] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1]
]

/** Tan and Le 2019, the smallest one, with torchvision's names. */
export function efficientnetB0({ classes, imageShape }: ArchitectureOptions): Architecture {
  const b = new GraphBuilder(imageShape)
  let x = convNormAct(b, 'features.0', 'input', 32, 3, 'silu', { stride: 2 })
  STAGES.forEach(([expansion, kernel, stride, channels, repeats], i) => {
    for (let j = 0; j < repeats; j++) {
      x = block(b, `features.${i + 1}.${j}`, x, { expansion, kernel, channels, stride: j === 0 ? stride : 1 })
    }
  })
  x = pooled(b, convNormAct(b, `features.${STAGES.length + 1}`, x, 1280, 1, 'silu'))
  x = b.add('classifier.0', 'dropout', [x], { p: 0.2 })
  return b.finish('efficientnet_b0', b.linear('classifier.1', x, classes), imagenetPreprocessing())
}

function block(
  b: GraphBuilder,
  name: string,
  input: string,
  { expansion, kernel, channels, stride }: { expansion: number; kernel: number; channels: number; stride: number }
): string {
  const inputs = b.shapeOf(input)[0]!
  const hidden = inputs * expansion
  let [x, index] = [input, 0]
  const next = (): string => `${name}.block.${index++}`
  if (expansion !== 1) x = convNormAct(b, next(), x, hidden, 1, 'silu')
  x = convNormAct(b, next(), x, hidden, kernel, 'silu', { stride, groups: hidden })
  x = squeezeExcite(b, next(), x, Math.max(1, Math.floor(inputs / 4)), ['silu', 'sigmoid'])
  x = convNorm(b, next(), x, channels, 1)
  return withShortcut(b, name, input, x, stride)
}
