import type { DataTask } from '../core/graph.js'
import { counted } from '../core/plural.js'

/** `10 classes`, `1 value` */
export function kindsText(count: number, task?: DataTask): string {
  if (task === 'regression') return counted(count, 'value')
  return counted(count, task === 'multilabel' ? 'label' : 'class', task === 'multilabel' ? 'labels' : 'classes')
}
