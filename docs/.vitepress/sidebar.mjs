import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const START = ['quick-start', 'install', 'gallery', 'troubleshooting', 'glossary']
const TUTORIALS = ['explain-your-model', 'is-it-faithful', 'audit-a-classifier', 'train-and-compare', 'write-a-rule']
const BACKGROUND = ['background/how-lrp-works', 'background/trust', 'performance']
const REFERENCE = ['cli', 'reference/commands', 'options', 'models', 'rules', 'metrics', 'data', 'training', 'audit']
const DEVELOPMENT = ['architecture', 'extending', 'CONTRIBUTING', 'SECURITY', 'CHANGELOG', 'dependencies']

/** The groups of pages. A page of docs/ that no list names belongs to the reference. */
export function sidebar(root) {
  const listed = [...START, ...BACKGROUND, ...REFERENCE, ...DEVELOPMENT]
  const others = pagesOf(join(root, 'docs')).filter((name) => !listed.includes(name))
  const folder = (name) => pagesOf(join(root, 'docs', name)).map((page) => `${name}/${page}`)
  const group = (text, paths) => ({ text, items: paths.map((path) => entry(root, path)) })
  const reference = group('Reference', [...REFERENCE, ...others])
  reference.items.push({ text: 'API', link: '/reference/api/' })
  return [
    group('Start', START),
    group(
      'Tutorials',
      TUTORIALS.map((name) => `tutorials/${name}`)
    ),
    group('How to', folder('how-to')),
    group('Background', BACKGROUND),
    reference,
    group('Development', DEVELOPMENT),
    group('Decisions', folder('decisions'))
  ]
}

function pagesOf(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md')
  return names.map((name) => name.replace(/\.md$/, ''))
}

/** A page is called by its first heading, and found by its path below docs/, or below the root. */
function entry(root, path) {
  const inDocs = join(root, 'docs', `${path}.md`)
  const file = existsSync(inDocs) ? inDocs : join(root, `${path}.md`)
  return { text: /^# (.*)$/m.exec(readFileSync(file, 'utf8'))[1], link: `/${path}` }
}
