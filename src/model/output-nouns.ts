import type { OutputKind, Task } from '../core/graph.js'

/** What is known of an output: what its numbers mean, and whether it is a layer inside the network. */
interface Output {
  task: Task
  isInner: boolean
  multilabel: boolean
}

/** What one number of an output of this shape is called. */
export function outputNoun({ isInner, task }: Output, shape: readonly number[] = []): string {
  if (isInner) return shape.length > 2 ? 'channel' : 'unit'
  return task === 'regression' ? 'output' : 'class'
}

/** What this number of outputs means. */
export function outputKind({ isInner, task, multilabel }: Output, outputs: number): OutputKind {
  if (isInner) return 'units'
  if (task === 'regression') return 'values'
  if (outputs === 1) return 'binary'
  return multilabel ? 'multilabel' : 'classes'
}
