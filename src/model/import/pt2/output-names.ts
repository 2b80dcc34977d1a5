import * as z from 'zod'

/** PyTorch's description of what a program returns: a tensor, or a list, tuple or dictionary of such. */
interface Spec {
  type: string | null
  /** JSON; the keys of a dictionary. */
  context: string | null
  children_spec: Spec[]
}

const spec: z.ZodType<Spec> = z.object({
  type: z.string().nullable(),
  context: z.string().nullable(),
  children_spec: z.lazy(() => z.array(spec))
})
const dumped = z.tuple([z.number(), spec])

/** Names of the tensors that a program returns: `out`, `boxes.1`; the place of those that have no name. */
export function outputNames(text: string | undefined): string[] {
  try {
    const [, whole] = dumped.parse(JSON.parse(text ?? ''))
    return leaves(whole, [])
  } catch {
    return [] // another format: outputs have their places as names
  }
}

function leaves({ type, context, children_spec: children }: Spec, path: (string | number)[]): string[] {
  if (type === null) return [path.join('.')]
  const keys: unknown = /dict$/i.test(type) ? JSON.parse(context ?? '') : undefined
  return children.flatMap((child, i) => leaves(child, [...path, Array.isArray(keys) ? String(keys[i]) : i]))
}
