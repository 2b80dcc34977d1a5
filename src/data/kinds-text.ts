import type { Task } from '../model/graph.js'
import { counted } from '../plural.js'

/** `10 classes`, `1 value` */
export function kindsText(count: number, task?: Task): string {
  return task === 'regression' ? counted(count, 'value') : counted(count, 'class', 'classes')
}
