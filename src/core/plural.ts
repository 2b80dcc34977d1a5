/** `a, b and c` */
export function listed(parts: readonly string[], word = 'and'): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} ${word} ${parts.at(-1)}`
}

/** `a, b or c` */
export function eitherOf(parts: readonly string[]): string {
  return listed(parts, 'or')
}

/** `1 class`, `2 classes` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
