import type { Case } from './conformance.ts'
import { b } from './conversation.ts'

const ALL = { range_end: b('\0') }

export const leaseCases: Record<string, Case> = {
  'a lease has the id that was asked for, or one of its own': async etcd => {
    await etcd.grant(7001, 60)
    await etcd.grant(7001, 60)
    const { ID } = await etcd.call('Lease', 'LeaseGrant', { TTL: 60 }, ['ID'])
    etcd.note('positive', BigInt(ID) > 0n)
    await etcd.call('Lease', 'LeaseLeases', {}, ['ID'])
  },

  'ids have 63 bits, and none is lost': async etcd => {
    const ID = '9223372036854775807'
    await etcd.call('Lease', 'LeaseGrant', { ID, TTL: 60 })
    await etcd.put('a', '1', { lease: ID })
    await etcd.range('a')
    await etcd.call('Lease', 'LeaseTimeToLive', { ID, keys: true }, ['TTL'])
    await etcd.call('Lease', 'LeaseGrant', { ID: '9007199254740993', TTL: 60 })
    await etcd.call('Lease', 'LeaseRevoke', { ID: '9007199254740992' })
  },

  'a TTL has a least and a greatest value': async etcd => {
    await etcd.grant(7001, 0)
    await etcd.grant(7002, -5)
    await etcd.grant(7003, 9_000_000_000)
    await etcd.grant(7004, 9_000_000_001)
  },

  'leases are listed in the order in which they end': async etcd => {
    await etcd.grant(7001, 900)
    await etcd.grant(7002, 300)
    await etcd.grant(7003, 600)
    await etcd.call('Lease', 'LeaseLeases')
  },

  'revoking a lease deletes its keys in one revision': async etcd => {
    await etcd.grant(7001)
    for (const key of ['c', 'a', 'b']) await etcd.put(key, key, { lease: 7001 })
    await etcd.put('d', 'stays')
    using watch = await etcd.watch({ prev_kv: true })
    await etcd.call('Lease', 'LeaseRevoke', { ID: 7001 })
    await watch.next()
    await etcd.range('a', ALL)
    await etcd.call('Lease', 'LeaseRevoke', { ID: 7001 })
    await etcd.call('Lease', 'LeaseTimeToLive', { ID: 7001, keys: true })
    await etcd.put('a', 'late', { lease: 7001 })
  },

  'revoking a lease without keys makes no revision': async etcd => {
    await etcd.grant(7001)
    await etcd.call('Lease', 'LeaseRevoke', { ID: 7001 })
    await etcd.range('a')
  },

  'a key belongs to the lease of its last put alone': async etcd => {
    await etcd.grant(7001)
    await etcd.grant(7002)
    const keysOf = (ID: number) => etcd.call('Lease', 'LeaseTimeToLive', { ID, keys: true }, ['TTL'])
    await etcd.put('a', '1', { lease: 7001 })
    await etcd.put('a', '2', { lease: 7002 })
    await keysOf(7001)
    await keysOf(7002)
    await etcd.put('a', '3')
    await keysOf(7002)
    await etcd.put('a', '4', { lease: 7001 })
    await etcd.put('a', '5', { lease: 7001 })
    await keysOf(7001)
    await etcd.delete('a')
    await keysOf(7001)
    await etcd.put('a', '6')
    await etcd.call('Lease', 'LeaseRevoke', { ID: 7001 })
    await etcd.range('a')
  },

  'the time to live of a lease comes with its keys only when asked': async etcd => {
    await etcd.grant(7001)
    await etcd.put('a', '1', { lease: 7001 })
    await etcd.call('Lease', 'LeaseTimeToLive', { ID: 7001 }, ['TTL'])
    await etcd.call('Lease', 'LeaseTimeToLive', { ID: 404 })
  },

  'keep-alive answers every beat, with TTL 0 for a lease that is not there': async etcd => {
    await etcd.grant(7001, 60)
    using stream = etcd.keepAlive()
    for (const ID of [7001, 404, 7001]) {
      stream.send({ ID })
      await stream.next()
    }
    await etcd.put('a', '1')
    stream.send({ ID: 7001 })
    await stream.next()
  },

  'keep-alive ends when the client has no more to say': async etcd => {
    using stream = etcd.keepAlive()
    stream.send({ ID: 404 })
    await stream.next()
    stream.end()
    await stream.next().catch(error => etcd.note('end', error.message))
  },

  'a lease that nobody renews ends, and its keys with it in one revision': async etcd => {
    await etcd.put('c', 'stays')
    using watch = await etcd.watch({ prev_kv: true })
    await etcd.grant(7001, 2)
    // In one call, because on a busy machine a second call might come after the end.
    const put = (key: string) => ({ request_put: { key: b(key), value: b('1'), lease: 7001 } })
    await etcd.txn([], [put('b'), put('a')])
    await watch.next()
    await watch.next()
    await etcd.range('a', ALL)
    using stream = etcd.keepAlive()
    stream.send({ ID: 7001 })
    await stream.next()
  },
}
