// A web service that explains photos: POST an image to /explain (JSON) or /map.png (its heat map).
//   node web-service.mjs MODEL [PORT] [WORKERS]
// Each worker thread has its own copy of the model. All requests wait in one queue.
import { createServer } from 'node:http'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { Model, isLrpError } from 'lrp-native'
import { normaliseBytes, readImage } from 'lrp-native/data'
import { heatmap, pictureToPng } from 'lrp-native/plot'

const LARGEST = 10e6 // bytes of one upload
const LONGEST = 32 // requests that may wait

if (isMainThread) serve(process.argv[2], Number(process.argv[3] ?? 8080), Number(process.argv[4] ?? 1))
else await work(workerData)

/** Loads the model once, then answers one request after another. */
async function work({ path }) {
  const model = await Model.load(path)
  const { preprocessing } = model
  parentPort.on('message', async ({ bytes, wanted }) => {
    try {
      const { bytes: pixels, shape } = await readImage(Buffer.from(bytes), preprocessing)
      const input = normaliseBytes(pixels, [1, ...shape], preprocessing)
      const { relevance, targets, conservationError } = await model.explain(input)
      if (wanted === '/map.png') {
        const png = await pictureToPng(heatmap(relevance.data, relevance.shape.slice(1)))
        return parentPort.postMessage({ status: 200, type: 'image/png', body: png })
      }
      const answer = { class: model.className(targets[0]), conservationError: conservationError[0] }
      parentPort.postMessage({ status: 200, type: 'application/json', body: JSON.stringify(answer) })
    } catch (error) {
      const theirs = isLrpError(error) && error.code === 'INVALID_FILE'
      const body = JSON.stringify({ error: theirs ? error.message : 'the image could not be explained' })
      parentPort.postMessage({ status: theirs ? 400 : 500, type: 'application/json', body })
    }
  })
  parentPort.postMessage('ready')
}

function serve(path, port, count) {
  const queue = []
  const idle = []
  const next = () => {
    while (queue.length > 0 && idle.length > 0) {
      const { question, response } = queue.shift()
      const worker = idle.pop()
      worker.once('message', ({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type }).end(body)
        idle.push(worker)
        next()
      })
      worker.postMessage(question)
    }
  }
  for (let i = 0; i < count; i++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { path } })
    worker.once('message', () => {
      idle.push(worker)
      next()
    })
    worker.on('error', (error) => {
      console.error(error.message)
      process.exit(1)
    })
  }
  const server = createServer(async (request, response) => {
    const refuse = (status, error) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
    if (request.method !== 'POST' || !['/explain', '/map.png'].includes(request.url)) {
      return refuse(404, 'POST an image to /explain or /map.png')
    }
    const chunks = []
    let size = 0
    for await (const chunk of request) {
      if ((size += chunk.length) > LARGEST) return refuse(413, 'the image has more than 10 MB')
      chunks.push(chunk)
    }
    if (queue.length >= LONGEST) return refuse(503, 'too many requests wait')
    queue.push({ question: { bytes: Buffer.concat(chunks), wanted: request.url }, response })
    next()
  })
  server.listen(port, '127.0.0.1', () => console.log(`listening at http://127.0.0.1:${server.address().port}`))
}
