import { createServer, type Server } from 'node:http'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mnistFolder } from '../../src/data/mnist.js'

let cache = ''
let before: string | undefined
const servers: Server[] = []
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'lrp-cache-'))
  before = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = cache
})
afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME
  else process.env.XDG_CACHE_HOME = before
  rmSync(cache, { recursive: true, force: true })
  for (const server of servers.splice(0)) server.close()
})

async function mirror(answer: (name: string) => Buffer | undefined): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const name = request.url!.slice(1)
    asked.push(name)
    const body = answer(name)
    response.writeHead(body ? 200 : 404, { connection: 'close' }).end(body)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

describe('downloading MNIST', () => {
  test('a file of another content is not kept, and every mirror is asked', async () => {
    const [wrong, missing] = [await mirror(() => Buffer.from('not MNIST')), await mirror(() => undefined)]
    const seen: number[] = []
    const options = {
      mirrors: [wrong.address, missing.address],
      onProgress: (_: string, done: number) => seen.push(done)
    }
    await expect(mnistFolder(options)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('--data-path')
    })
    expect([wrong.asked, missing.asked]).toEqual([['train-images-idx3-ubyte.gz'], ['train-images-idx3-ubyte.gz']])
    expect(seen).toEqual([9])
    expect(readdirSync(join(cache, 'lrp-native', 'mnist'))).toEqual([])
  })

  test('a mirror that does not answer is passed over', async () => {
    const next = await mirror(() => undefined)
    await expect(mnistFolder({ mirrors: ['http://127.0.0.1:9', next.address] })).rejects.toMatchObject({ code: 'IO' })
    expect(next.asked).toHaveLength(1)
  })
})
