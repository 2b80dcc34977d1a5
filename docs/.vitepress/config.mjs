import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { slugOf } from '../../scripts/lib/site/slug.mjs'
import { sidebar } from './sidebar.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..')
const { repository, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const home = repository.url.replace(/^git\+|\.git$/g, '')

/** The site is built by `npm run docs`; the same files read well in the repository. */
export default defineConfig({
  title: 'lrp-native',
  description: 'Explain image classifiers with Layer-wise Relevance Propagation',
  srcDir: '..',
  outDir: '../build/site',
  cacheDir: '../build/site-cache',
  srcExclude: [
    ...['README.md', 'build/**', 'dist/**', 'experiments/**', 'coverage/**', '.*/**'],
    ...['bench/**', 'examples/**', 'native/**', 'scripts/**', 'src/**', 'test/**', 'data/**']
  ],
  rewrites: (id) => id.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md'),
  lastUpdated: false,
  markdown: {
    anchor: { slugify: slugOf },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' }, // WCAG AA
    config: (md) => md.use(linkToRepository).use(showTags)
  },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'Gallery', link: '/gallery' },
      { text: 'API', link: '/reference/api/' },
      { text: version, link: '/CHANGELOG' }
    ],
    sidebar: sidebar(root),
    outline: [2, 3],
    footer: { message: 'MIT licence. Made without trackers; the search works offline.' },
    socialLinks: [{ icon: 'github', link: home }]
  }
})

/** Where a page of the repository is on the site. */
function siteLink(path, anchor = '') {
  const page = path.replace(/^docs\//, '').replace(/\.md$/, '')
  return `/${page.replace(/(^|\/)README$/, '$1')}${anchor}`
}

/**
 * Relative links between pages become links of the site; links to other files (programs, schemas, folders, the README)
 * lead to the repository. A file that is missing is an error.
 */
function linkToRepository(md) {
  const inner = md.renderer.rules.link_open
  md.renderer.rules.link_open = (tokens, index, options, env, self) => {
    const href = tokens[index].attrGet('href')
    const from = env.realPath ?? env.path
    if (href && !/^(\w+:|#|\/)/.test(href) && !from.includes('/docs/reference/')) {
      const [, file, anchor] = /^([^#]*)(#.*)?$/.exec(decodeURI(href))
      const target = resolve(dirname(from), file)
      if (!existsSync(target)) throw new Error(`${relative(root, from)} links to ${href}, which does not exist`)
      const path = relative(root, target)
      const isPage = /\.md$/.test(path) && /^(docs\/|[A-Z]+\.md$)/.test(path) && path !== 'README.md'
      tokens[index].attrSet('href', isPage ? siteLink(path, anchor) : `${home}/tree/main/${path}`)
    }
    return inner ? inner(tokens, index, options, env, self) : self.renderToken(tokens, index, options)
  }
}

/** Pages are plain Markdown: `<name>` is text, and comments are left out. */
function showTags(md) {
  const show = (tokens, index) =>
    /^\s*<!--/.test(tokens[index].content) ? '' : md.utils.escapeHtml(tokens[index].content)
  md.renderer.rules.html_inline = show
  md.renderer.rules.html_block = show
}
