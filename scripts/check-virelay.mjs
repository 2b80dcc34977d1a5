import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'

// Starts ViRelAy on the loopback address over a project that `audit --format virelay` has written, and queries its API;
// status 1 where something is not there.
//   node scripts/check-virelay.mjs audit/virelay/project.yaml --python path/to/venv/bin/python
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string', default: 'python3' } }
})
const port = await freePort()
const server = spawn(values.python, ['-m', 'virelay', '-H', '127.0.0.1', '-p', String(port), positionals[0]])
try {
  const [project] = await asked('/api/projects', 60)
  const { analysisMethods } = await asked(`/api/projects/${project.id}`)
  const [{ name, categories, clusterings, embeddings }] = analysisMethods
  let points = 0
  for (const category of categories) {
    const query = {
      category: category.name,
      clustering: clusterings[0],
      embedding: embeddings[0].name ?? embeddings[0]
    }
    const { embedding } = await asked(`/api/projects/${project.id}/analyses/${name}?${queryText(query)}`)
    const { attributionIndex } = embedding[0]
    const sample = await asked(`/api/projects/${project.id}/dataset/${attributionIndex}`)
    const attribution = await asked(`/api/projects/${project.id}/attributions/${attributionIndex}`)
    if (sample.labels[0].index !== attribution.labels[0].index) throw new Error('a map belongs to another image')
    points += embedding.length
  }
  console.log(`ok   ${project.name}: ${categories.length} classes, ${points} images`)
} catch (error) {
  console.log(`FAIL ${error.message}`)
  process.exitCode = 1
} finally {
  server.kill()
}

function queryText(query) {
  return Object.entries(query)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join('&')
}

/** What the API says; it may take some seconds to be there. */
async function asked(path, tries = 1) {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      if (!response.ok) throw new Error(`${path}: status ${response.status}`)
      return await response.json()
    } catch (error) {
      if (--tries <= 0) throw error
      await setTimeout(500)
    }
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address()
      probe.close(() => resolve(free))
    })
  })
}
