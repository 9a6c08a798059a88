/**
 * @platformatic/gateway with one application, started without its runtime, which would put it into a worker thread. Its
 * undici agent keeps connections. Its log level is `error`, because by default it writes two lines per request.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@platformatic/gateway'
import { announce, versionOf } from './announce.ts'

const folder = await mkdtemp(join(tmpdir(), 'waygate-bench-platformatic-'))
const version = versionOf('@platformatic/gateway')
const origin = `http://127.0.0.1:${process.argv[2]}`
const gateway = await create(folder, {
  $schema: `https://schemas.platformatic.dev/@platformatic/gateway/${version}.json`,
  server: { hostname: '127.0.0.1', port: 0, logger: { level: 'error' } },
  gateway: { applications: [{ id: 'node', origin, proxy: { prefix: '/' } }] },
  watch: false,
})
await gateway.start({ listen: true })
await rm(folder, { recursive: true })
announce(Number(new URL(gateway.getUrl()).port), version)
