import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { root } from './lib/paths.mjs'

// Error messages and help texts, drawn from all of them by a seed, as a reader meets them; `…` stands for what a message names.
//   node scripts/draw-texts.mjs [--seed 1] [--count 10]
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '10' } }
})
const messages = new Set()
const helps = new Set()

for (const path of filesOf('src', '.ts')) {
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest))
}
for (const path of filesOf('native', '.cpp')) {
  for (const [, expression] of readFileSync(path, 'utf8').matchAll(/\bError\("[A-Z_]+",([^;]*)\);/g))
    messages.add(joined([...expression.matchAll(/"((?:[^"\\]|\\.)*)"|[^"]+/g)].map(([, text]) => text)))
}
show('error messages', messages)
show('help texts', helps)

function visit(node) {
  if (ts.isNewExpression(node) && node.expression.text === 'LrpError') add(node.arguments[1])
  if (ts.isCallExpression(node) && node.expression.text === 'optionError') {
    const name = ts.isStringLiteral(node.arguments[0]) ? node.arguments[0].text : '…'
    add(node.arguments[1], `option '${name}'`)
  }
  if (ts.isPropertyAssignment(node) && node.name.text === 'help') add(node.initializer, '', helps)
  ts.forEachChild(node, visit)
}

function add(expression, before = '', to = messages) {
  const text = before + textOf(expression)
  if (/[a-z]{2}/.test(text.replace(before, ''))) to.add(text)
}

/** Text of a string, a template or a sum of them. */
function textOf(node) {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')
  if (ts.isBinaryExpression(node)) return textOf(node.left) + textOf(node.right)
  return '…'
}

function joined(parts) {
  return parts
    .map((text) => text ?? '…')
    .join('')
    .replace(/^…|…$/g, (end, at) => (at === 0 ? '' : end))
}

function filesOf(folder, ending) {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith(ending)).map((name) => join(root, folder, name))
}

/** The texts with the lowest digests of seed and text: the same on every machine. */
function show(title, texts) {
  const digest = (text) => createHash('sha256').update(`${values.seed}:${text}`).digest('hex')
  const drawn = [...texts].sort((a, b) => (digest(a) < digest(b) ? -1 : 1)).slice(0, Number(values.count))
  console.log(
    `${drawn.length} of ${texts.size} ${title}, seed ${values.seed}\n${drawn.map((text) => `- ${text}`).join('\n')}\n`
  )
}
