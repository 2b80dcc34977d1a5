/** `learningRate` as `learning-rate`: how an option is written as a flag. */
export function toKebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `learning-rate` as `learningRate`. */
export function toCamel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** An option's value as it stands behind its flag: `adam`, `128 64`; what has no such form as JSON. */
export function valueText(value: unknown): string {
  if (typeof value !== 'object') return String(value)
  const plain = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one !== 'object')
  return plain ? value.join(' ') : JSON.stringify(value)
}
