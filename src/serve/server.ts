import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { LrpError, isLrpError } from '../core/errors.js'
import { ioError } from '../core/files.js'
import { inputOptions, VIEWS } from '../explain/file-options.js'
import { scoreLayout } from '../explain/targets/classes.js'
import { patternsFor } from '../explain/patterns.js'
import { nounOf } from '../model/input-kind.js'
import type { Model } from '../model/model.js'
import { titleOf } from '../model/title.js'
import { toLrpError } from '../native/addon.js'
import { pickOptions } from '../core/option.js'
import { checkOptions } from '../core/options.js'
import { packageRoot } from '../core/paths.js'
import { colourMapNames, legendOf } from '../plot/colour-maps.js'
import { answer, type Served } from './answer.js'
import { choicesFor } from './choices.js'
import { Gallery, takesRows } from './gallery.js'
import { headsOf, narrowingFor } from './narrowing.js'
import { serveOptions, type ServeOptions } from './options.js'
import { servePage } from './page.js'
import { SLIDERS } from './sliders.js'
import { navigation, WRITTEN_POLICY, writtenKinds, writtenPage } from './written-pages.js'

const MOST_BYTES = 32 * 2 ** 20
const OWN_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const SECURITY = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store'
}

/** A page that `serve` serves: its address, and a function that stops the server. */
export interface ServedPage {
  /** Address of the page. */
  url: string
  /** Stops the server. */
  close: () => Promise<void>
}

/**
 * Serves a local page on which you choose an image, a rule, a class and the rule's parameters; the page updates the
 * map. No data leave the machine.
 * @throws LrpError UNSUPPORTED for a model that takes no images, INVALID_ARGUMENT, IO if the port is in use, and as
 * `explainToFiles` for images that cannot be read
 */
export async function serve(model: Model, options: ServeOptions = {}): Promise<ServedPage> {
  const given = checkOptions(serveOptions, options)
  const { host, port, called = model.name, loadedWith = {} } = given
  const patterns = await patternsFor(model, given.patterns)
  const gallery = await Gallery.open(model, pickOptions(inputOptions, given))
  const choices = await choicesFor(model, patterns !== undefined, given.rules ?? [])
  const served: Served = { model, called, loadedWith, gallery, patterns, choices, outputs: await outputsOf(model) }
  const server = createServer((request, response) => void respond(served, request, response))
  server.keepAliveTimeout = 60_000 // closed after 5 s, a connection may end in the moment in which it is used again
  await listen(server, host, port)
  const shown = host.includes(':') ? `[${host}]` : host
  return { url: `http://${shown}:${(server.address() as AddressInfo).port}/`, close: () => close(server) }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const what = `cannot listen on ${host}:${port}`
      if (cause.code !== 'EADDRINUSE') return reject(ioError(cause, what))
      reject(new LrpError('IO', `${what}: the port is in use; choose another port with --port`, { cause }))
    })
    server.listen(port, host, resolve)
  })
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

/** What a request gets; an error as `{ code, message }`. */
async function respond(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const left = new AbortController()
  response.on('close', () => left.abort())
  try {
    checkOrigin(request)
    const [type, body, policy] = await route(served, request, left.signal)
    send(response, 200, type, body, policy)
  } catch (cause) {
    const error = isLrpError(cause) ? cause : toLrpError(cause)
    send(response, statusOf(error), JSON_TYPE, JSON.stringify({ code: error.code, message: error.message }))
  }
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  policy = OWN_POLICY
): void {
  const headers = { ...SECURITY, 'content-security-policy': policy, 'content-type': type }
  if (!response.headersSent) response.writeHead(status, headers)
  response.end(body)
}

function statusOf({ code, message }: LrpError): number {
  if (message === FOREIGN) return 403
  if (message.startsWith(OTHER_METHOD)) return 405
  return code === 'NOT_FOUND' ? 404 : ['INVALID_ARGUMENT', 'INVALID_FILE', 'UNSUPPORTED'].includes(code) ? 400 : 500
}

const JSON_TYPE = 'application/json; charset=utf-8'
const HTML_TYPE = 'text/html; charset=utf-8'
/** What must be asked by POST. */
const POSTED = ['/explain', '/images']
const OTHER_METHOD = 'only POST requests are accepted at '
const FOREIGN = 'requests from other sites are refused'

/** Other sites' pages must not ask in the user's browser, under whatever name they reach this machine. */
function checkOrigin({ headers, socket }: IncomingMessage): void {
  const { host = '', origin } = headers
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  const own = ['localhost', '127.0.0.1', '::1', socket.localAddress].includes(name)
  if (!own || (origin !== undefined && origin !== `http://${host}`)) throw new LrpError('INVALID_ARGUMENT', FOREIGN)
}

async function route(
  served: Served,
  request: IncomingMessage,
  signal: AbortSignal
): Promise<[type: string, body: string | Buffer, policy?: string]> {
  const target = request.url ?? '/'
  if (!URL.canParse(target, 'http://localhost'))
    throw new LrpError('INVALID_ARGUMENT', 'the address of the request is not valid')
  const { pathname, searchParams } = new URL(target, 'http://localhost')
  const asked = `${request.method} ${pathname}`
  if (asked === 'GET /') return [HTML_TYPE, await pageOf(served)]
  if (asked === 'GET /app.js') return ['text/javascript; charset=utf-8', await script()]
  const written = /^GET \/(audit|concepts)\.html$/.exec(asked)
  if (written) return [HTML_TYPE, await writtenPageOf(served, written[1]!), WRITTEN_POLICY]
  const picture = /^GET \/images\/(\d{1,6})\.png$/.exec(asked)
  if (picture) return ['image/png', await served.gallery.picture(Number(picture[1]))]
  if (asked === 'POST /explain') {
    return [JSON_TYPE, JSON.stringify(await answer(served, await readQuestion(request), signal))]
  }
  if (asked === 'POST /images') {
    const image = await served.gallery.add(await readBody(request), (searchParams.get('name') ?? 'image').slice(0, 100))
    return [JSON_TYPE, JSON.stringify({ image })]
  }
  if (POSTED.includes(pathname))
    throw new LrpError('INVALID_ARGUMENT', `${OTHER_METHOD}${pathname} (docs/how-to/web-service.md)`)
  throw new LrpError('NOT_FOUND', `there is no page ${pathname.slice(0, 100)}`)
}

async function writtenPageOf({ model }: Served, kind: string): Promise<string> {
  const text = await writtenPage(model, kind)
  if (text === undefined)
    throw new LrpError('NOT_FOUND', `${model.name} has no page of 'lrp-native ${kind}': run that command first`)
  const links = navigation(await writtenKinds(model), `${kind}.html`)
  return text.replace('<main>', () => `<main>${String(links)}`)
}

async function pageOf({ model, gallery, choices, outputs }: Served): Promise<string> {
  return servePage(navigation(await writtenKinds(model), './'), {
    model: titleOf(model),
    device: model.device,
    values: model.givesValues,
    outputNoun: model.outputNoun,
    noun: nounOf(model.inputKind),
    classes: outputs,
    images: gallery.list(),
    choices,
    colourMaps: colourMapNames(),
    views: model.inputKind === 'image' || model.inputKind === 'volume' ? VIEWS : ['heatmap'],
    drawn: !['image', 'volume'].includes(model.inputKind),
    legends: Object.fromEntries(colourMapNames().map((name) => [name, legendOf(name)])),
    takesImages: model.inputKind === 'image' && !takesRows(model),
    heads: headsOf(model),
    narrowing: narrowingFor(model),
    sliders: SLIDERS
  })
}

/** Names of the outputs, their numbers where they have none. */
async function outputsOf(model: Model): Promise<string[]> {
  if (model.classes) return model.classes
  if (!model.graph.shapes) return []
  const shape = model.shapes()[model.graph.output]!
  const count = shape.length === 3 ? scoreLayout(model, shape).classes : shape[1]!
  return Array.from({ length: count }, (_, i) => String(i))
}

/** The bundle of `browser/app.ts`. */
function script(): Promise<Buffer> {
  return readFile(join(packageRoot, 'dist', 'serve', 'app.js'))
}

async function readQuestion(request: IncomingMessage): Promise<unknown> {
  if (!request.headers['content-type']?.startsWith('application/json')) {
    throw new LrpError('INVALID_ARGUMENT', 'the body of the request must be JSON')
  }
  try {
    return JSON.parse((await readBody(request)).toString('utf8'))
  } catch (cause) {
    if (isLrpError(cause)) throw cause
    throw new LrpError('INVALID_ARGUMENT', 'the body of the request must be JSON', { cause })
  }
}

/** All of it is read, also what is too much: a sender that is cut off sees no answer. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes <= MOST_BYTES) parts.push(part)
  }
  if (bytes > MOST_BYTES) throw new LrpError('INVALID_ARGUMENT', 'the request is larger than 32 MiB')
  return Buffer.concat(parts)
}
