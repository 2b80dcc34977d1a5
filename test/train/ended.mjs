// Ends JavaScript while a run goes on, for test/train/end.test.ts. Arguments: folder of dist/, experiments root, how.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'

const [dist, root, how] = process.argv.slice(2)

async function endless(onProgress) {
  const { train } = await import(pathToFileURL(join(dist, 'index.js')).href)
  await train({ experimentsRoot: root, experimentName: 'dev', epochs: 1e6, onProgress })
}

if (!isMainThread) {
  await endless(() => parentPort.postMessage('running'))
} else if (how === 'worker') {
  const worker = new Worker(new URL(import.meta.url), { argv: [dist, root, how] })
  worker.once('message', async () => {
    await worker.terminate()
    console.log('ended')
  })
} else {
  await endless(() => process.exit(3))
}
