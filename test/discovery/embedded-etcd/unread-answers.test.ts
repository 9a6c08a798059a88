import assert from 'node:assert/strict'
import { request as requestHttp1 } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { duplexPair, type Readable, type Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { loadEtcdServices } from '../../../discovery/embedded-etcd/grpc.ts'
import { AT_ONCE } from '../../../discovery/embedded-etcd/journal.ts'
import { createJsonGateway } from '../../../discovery/embedded-etcd/json-gateway.ts'
import { createLeaseService } from '../../../discovery/embedded-etcd/lease-service.ts'
import { LeaseTable } from '../../../discovery/embedded-etcd/lease-table.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { Store } from '../../../discovery/embedded-etcd/store.ts'
import { createWatchService } from '../../../discovery/embedded-etcd/watch-service.ts'
import { toLong } from '../../../discovery/embedded-etcd/wire.ts'
import { b } from './conversation.ts'
import { RawClient } from './raw-client.ts'

const MANY = 1_000
/** Far more than the buffers of two sockets hold. */
const MAX_WRITES = 500

interface Conversation {
  readonly requests: Writable
  /** The answers, of which nothing is read before it is called. */
  readonly answers: () => Promise<Readable>
  /** Returns how many answers end in the next piece. */
  readonly count: (piece: Buffer) => number
  readonly request: Buffer
}

const KINDS: Readonly<Record<string, (t: TestContext, url: string) => Conversation>> = {
  'renewals over gRPC': (t, url) => overGrpc(t, url, 'Lease/LeaseKeepAlive', '0805'),
  'refused watches over gRPC': (t, url) => overGrpc(t, url, 'Watch/Watch', '0a060a0161120161'),
  'renewals in JSON': t => inJson(t, 'lease/keepalive', { ID: '5' }),
  'refused watches in JSON': t => inJson(t, 'watch', { create_request: { key: 'YQ==', range_end: 'YQ==' } }),
}

function overGrpc(t: TestContext, url: string, method: string, hex: string): Conversation {
  const session = connectHttp2(url).on('error', () => {})
  t.after(() => session.destroy())
  const call = session.request({
    ':method': 'POST',
    ':path': `/etcdserverpb.${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const message = Buffer.from(hex, 'hex')
  let unread: Buffer = Buffer.alloc(0)
  const endOf = (bytes: Buffer) => (bytes.length < 5 ? Number.POSITIVE_INFINITY : 5 + bytes.readUInt32BE(1))
  return {
    requests: call,
    answers: async () => call,
    count: piece => {
      unread = Buffer.concat([unread, piece])
      let count = 0
      for (let end = endOf(unread); end <= unread.length; end = endOf(unread)) {
        unread = unread.subarray(end)
        count++
      }
      return count
    },
    request: Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]),
  }
}

/** Over a connection in memory, since the buffers of a socket hold a hundred thousand answers. */
function inJson(t: TestContext, path: string, body: object): Conversation {
  const now = () => performance.now()
  const store = new Store({ historyEvents: 1, historyBytes: 1, quotaBytes: Number.POSITIVE_INFINITY })
  const leases = new LeaseTable({ now, wallNow: now, randomId: () => 1n, minTtlSeconds: 1n })
  const service = { store, leases, now, header: () => ({ revision: toLong(1n) }), turns: AT_ONCE }
  const watch = createWatchService({ ...service, progressIntervalMs: 1_000 })
  const lease = createLeaseService(service)
  t.after(() => watch.close())
  t.after(() => lease.close())
  const handlers = {
    Lease: lease.handlers,
    Watch: watch.handlers,
    KV: {},
    Cluster: {},
    Maintenance: {},
    Auth: {},
  }
  const gateway = createJsonGateway({ services: loadEtcdServices(), handlers })
  const [ours, theirs] = duplexPair().map(
    side => Object.assign(side, { setTimeout() {} }) as unknown as Socket,
  )
  gateway.accept(theirs!)
  const call = requestHttp1({ method: 'POST', path: `/v3/${path}`, createConnection: () => ours! })
  t.after(() => ours!.destroy())
  const answers = new Promise<Readable>(resolve => call.once('response', resolve))
  return {
    requests: call,
    answers: () => answers,
    count: piece => piece.toString().split('\n').length - 1,
    request: Buffer.from(JSON.stringify(body)),
  }
}

for (const [kind, begin] of Object.entries(KINDS)) {
  test(`while a client reads no answers, its requests are not read: ${kind}`, async t => {
    const etcd = await startEmbeddedEtcd({ port: 0 })
    t.after(() => etcd.close())
    using other = new RawClient(etcd.url)
    const { requests, answers, count, request } = begin(t, etcd.url)
    const many = Buffer.concat(Array.from({ length: MANY }, () => request))
    /** Whether what was written stays here, however much the server does for others. */
    const isStuck = async () => {
      for (let turn = 0; turn < 20 && requests.writableNeedDrain; turn++)
        await other.call('KV', 'Put', { key: b('k'), value: b('v') })
      return requests.writableNeedDrain
    }
    let writes = 0
    do {
      requests.write(many)
      writes++
      assert.ok(writes < MAX_WRITES, 'it is read from all the same')
    } while (!(await isStuck()))

    let answered = 0
    for await (const piece of await answers()) {
      answered += count(piece)
      if (answered >= writes * MANY) break
    }
    assert.equal(answered, writes * MANY)
  })
}
