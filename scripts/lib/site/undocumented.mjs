import { ReflectionKind } from 'typedoc'

const OWNERS = ReflectionKind.Interface | ReflectionKind.Class
const MEMBERS = ReflectionKind.Property | ReflectionKind.SomeSignature

/**
 * Fields, getters, methods and constructors of exported interfaces and classes that have no docstring. TypeDoc asks for those of
 * the exports themselves; fields of a type that a schema infers are described in the schema.
 */
export function undocumented(project) {
  const members = project.getReflectionsByKind(MEMBERS)
  return members.filter((member) => isOfExport(member) && !member.hasComment()).map((member) => member.getFullName())
}

function isOfExport({ kind, parent, flags, type, name }) {
  if (flags.isExternal || name.startsWith('[')) return false
  const isMethodField = kind === ReflectionKind.Property && type?.type === 'reflection' && type.declaration.signatures
  if (isMethodField) return false // its signature carries the docstring
  const owner = ReflectionKind.SomeSignature & kind ? parent.parent : parent
  return Boolean(owner?.kindOf(OWNERS))
}
