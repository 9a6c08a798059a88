import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import { waygate } from '../../discovery/fastify-plugin.ts'
import { sayReady } from './say-ready.ts'

// A node that registers itself with the Fastify plugin, on PORT or any free port, and closes on SIGTERM. It answers
// like service-process.ts.
const [name = '', id = '', etcd = '', postedFile = ''] = process.argv.slice(2)

const app = Fastify()
app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
app.register(waygate, { name, id, etcd })
app.route<{ Querystring: { delayMs?: string } }>({
  method: ['GET', 'POST'],
  url: '/',
  handler: async ({ method, body, query: { delayMs } }) => {
    if (method === 'POST') appendFileSync(postedFile, `${body}\n`)
    if (delayMs !== undefined) await delay(Number(delayMs))
    return id
  },
})
process.once('SIGTERM', () => void app.close())
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) })
sayReady('listening')
