import type { Task } from '../core/graph.js'
import { counted } from '../core/plural.js'

/** `10 classes`, `1 value` */
export function kindsText(count: number, task?: Task): string {
  return task === 'regression' ? counted(count, 'value') : counted(count, 'class', 'classes')
}
