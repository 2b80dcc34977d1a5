import { LrpError } from '../../../core/errors.js'

/** The settings of a published network: `config.json`. Whatever is asked for and not done refuses the file. */
export class Config {
  constructor(
    private readonly values: Record<string, unknown>,
    readonly path: string
  ) {}

  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null
  }

  text(key: string): string {
    const value = this.values[key]
    if (typeof value === 'string') return value
    throw this.unsupported(key)
  }

  number(key: string, otherwise?: number): number {
    const value = this.values[key] ?? otherwise
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw this.unsupported(key)
  }

  /** A size of `height` and `width`, or one number for both. */
  size(key: string, otherwise?: number): [number, number] {
    const value = this.values[key] ?? otherwise
    const sides = Array.isArray(value) ? value : [value, value]
    if (sides.length === 2 && sides.every((side) => Number.isInteger(side) && (side as number) > 0))
      return sides as [number, number]
    throw this.unsupported(key)
  }

  numbers(key: string, otherwise?: number[]): number[] {
    const value = this.values[key] ?? otherwise
    if (Array.isArray(value) && value.every((one) => Number.isFinite(one))) return value as number[]
    throw this.unsupported(key)
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.values[key] ?? otherwise
    if (typeof value === 'boolean') return value
    throw this.unsupported(key)
  }

  /** A number within another setting, where it is there. */
  inner(key: string, within: string): number | undefined {
    const value = (this.values[key] as Record<string, unknown> | undefined)?.[within]
    if (value === undefined || typeof value === 'number') return value
    throw this.unsupported(key)
  }

  /** Settings of a part of the network that lie in an object of their own; these settings where there is no such object. */
  section(key: string): Config {
    const value = this.values[key]
    if (value === undefined) return this
    if (typeof value !== 'object' || value === null) throw this.unsupported(key)
    return new Config(value as Record<string, unknown>, this.path)
  }

  /** Refuses any value but these (or none at all). */
  only(key: string, ...allowed: unknown[]): void {
    if (this.has(key) && !allowed.includes(this.values[key])) throw this.unsupported(key)
  }

  /** How many classes there are: by their names, by number, or Hugging Face's default. */
  classes(): number {
    const names = this.values.id2label
    if (typeof names === 'object' && names !== null) return Object.keys(names).length
    return this.number('num_labels', this.number('num_classes', 2))
  }

  unsupported(key: string): LrpError {
    return new LrpError(
      'UNSUPPORTED',
      `${this.path}: the value ${JSON.stringify(this.values[key])} of ${key} is not supported`
    )
  }
}

/** Ops and attributes of activations by the names that Hugging Face gives them. */
const ACTIVATIONS: Record<string, [string, Record<string, string>]> = {
  gelu: ['gelu', {}],
  gelu_new: ['gelu', { approximate: 'tanh' }],
  gelu_pytorch_tanh: ['gelu', { approximate: 'tanh' }],
  relu: ['relu', {}],
  relu6: ['relu6', {}],
  quick_gelu: ['quick_gelu', {}],
  silu: ['silu', {}],
  swish: ['silu', {}]
}

/** @throws LrpError UNSUPPORTED for another activation */
export function activationOf(config: Config, key: string, otherwise = 'gelu'): [string, Record<string, string>] {
  const found = ACTIVATIONS[config.has(key) ? config.text(key) : otherwise]
  if (!found) throw config.unsupported(key)
  return found
}
