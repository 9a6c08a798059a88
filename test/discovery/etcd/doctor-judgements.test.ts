import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Etcd3 } from 'etcd3'
import { didYouMean } from '../../../config/kit/closest.ts'
import { judgeCluster, judgeVersions } from '../../../discovery/etcd/doctor/cluster.ts'
import type { MemberStatus } from '../../../discovery/etcd/doctor/endpoint.ts'
import { type DoctorFinding, duration, listed, size } from '../../../discovery/etcd/doctor/finding.ts'
import { checkKeyLeases } from '../../../discovery/etcd/doctor/key-leases.ts'
import { judgeMembers } from '../../../discovery/etcd/doctor/members.ts'
import { judgeServices, type NodeKey } from '../../../discovery/etcd/doctor/nodes.ts'
import { judgeRoutes } from '../../../discovery/etcd/doctor/routes.ts'
import { judgeSpace } from '../../../discovery/etcd/doctor/space.ts'
import { isLoopbackHost, parseEndpoint } from '../../../discovery/etcd/endpoint-url.ts'
import { createNode } from '../../../internal/nodes/node.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'
import { testRoute } from '../../support/route.ts'

const member = (port: number, more: Partial<MemberStatus> = {}): MemberStatus => ({
  url: `http://10.0.0.1:${port}`,
  clusterId: '255',
  memberId: String(port),
  leaderId: '1',
  version: '3.5.9',
  raftIndex: 5_000,
  raftAppliedIndex: 5_000,
  dbSizeBytes: 1_000_000,
  dbSizeInUseBytes: 1_000_000,
  isLearner: false,
  errors: [],
  ...more,
})
const lines = (findings: readonly DoctorFinding[]) =>
  findings.map(({ level, message }) => `${level}: ${message}`)

describe('versions', () => {
  for (const [version, level] of [
    ['3.3.27', 'warning'],
    ['2.9.0', 'warning'],
    ['3.4.0', 'ok'],
    ['3.7.99', 'ok'],
    ['3.8.0', 'warning'],
    ['4.0.0', 'warning'],
    ['odd', 'warning'],
    ['3.4.0+waygate', 'ok'],
    ['3.4.0+waygate.durable', 'ok'],
  ] as const) {
    test(`${version} is ${level}`, () => {
      assert.deepEqual(
        judgeVersions([member(1, { version })]).map(finding => finding.level),
        [level],
      )
    })
  }

  test('members of different versions are a warning', () => {
    const [, , last] = judgeVersions([member(1), member(2, { version: '3.6.1' })])
    assert.equal(last?.message, 'the members run different versions: 3.5.9, 3.6.1')
  })
})

describe('a cluster', () => {
  test('is one line when all is well', () => {
    assert.deepEqual(lines(judgeCluster([member(1), member(2)])), [
      'ok: 2 members of cluster ff; http://10.0.0.1:1 leads',
    ])
    assert.deepEqual(judgeCluster([]), [])
  })

  test('with members of several clusters is a problem that names them', () => {
    const [finding] = judgeCluster([member(1), member(2, { clusterId: '16' }), member(3)])
    assert.equal(finding?.level, 'problem')
    assert.deepEqual(finding?.details?.items, [
      'cluster ff: http://10.0.0.1:1, http://10.0.0.1:3',
      'cluster 10: http://10.0.0.1:2',
    ])
  })

  test('with a member without a leader, a learner or a slow member names it', () => {
    const found = judgeCluster([
      member(1),
      member(2, { leaderId: '0' }),
      member(3, { isLearner: true }),
      member(4, { raftIndex: 3_999, raftAppliedIndex: 3_999 }),
      member(5, { raftAppliedIndex: 3_999 }),
      member(6, { raftIndex: 4_000, raftAppliedIndex: 4_000 }),
    ])
    assert.deepEqual(
      found.map(({ level, details }) => [level, details?.endpoint]),
      [
        ['problem', 'http://10.0.0.1:2'],
        ['warning', 'http://10.0.0.1:3'],
        ['warning', 'http://10.0.0.1:4'],
        ['warning', 'http://10.0.0.1:5'],
      ],
    )
    assert.match(found[2]?.message ?? '', /1001 raft entries behind/)
    assert.match(found[3]?.message ?? '', /has not applied 1001 of its raft entries/)
  })
})

test('a member counts as configured by its id, regardless of the endpoint, or by its address', () => {
  const members = [
    { id: '1', name: 'a', clientUrls: ['http://inside:2379'] },
    { id: '2', name: 'b', clientUrls: ['http://LOCALHOST:2379'] },
    { id: '3', name: 'c', clientUrls: ['http://10.0.0.1:2380', 'odd://'] },
    { id: '10', name: '', clientUrls: [] },
  ]
  assert.deepEqual(lines(judgeMembers(members, ['http://127.0.0.1', 'http://outside:1'], [member(1)])), [
    'warning: member c (http://10.0.0.1:2380, odd://) is not among the configured endpoints',
    'warning: member a was added to the cluster, but has never been started',
  ])
})

describe('space', () => {
  const quotaBytes = 1_000_000
  test('is short above four fifths of the quota', () => {
    const at = (dbSizeBytes: number) => judgeSpace([{ ...member(1, { dbSizeBytes }), quotaBytes }], [])
    assert.equal(at(799_999)[0]?.level, 'ok')
    assert.equal(at(800_000)[0]?.level, 'warning')
  })

  test('that is only waiting to be reclaimed is reported as such', () => {
    const hint = (dbSizeInUseBytes: number) =>
      judgeSpace([{ ...member(1, { dbSizeInUseBytes }), quotaBytes }], [])[0]?.hint ?? ''
    assert.match(hint(400_000), /^585\.9 KiB of it is free; run etcdctl defrag/)
    assert.match(hint(600_000), /^run etcdctl compact/)
  })

  test('with an unknown quota is compared with the default', () => {
    const found = judgeSpace([{ ...member(1, { dbSizeBytes: 2 * 2 ** 30 }), quotaBytes: undefined }], [])
    assert.match(found[0]?.message ?? '', /of at most 2\.0 GiB if its quota is the default/)
  })

  test('is made otherwise in an embedded etcd, which has no options and no defragmentation', () => {
    const space = { ...member(1, { version: '3.5.9+waygate', dbSizeBytes: 900_000 }), quotaBytes }
    for (const alarms of [[], [{ memberId: '1', kind: 'NOSPACE' }]]) {
      const [found] = judgeSpace([space], alarms)
      assert.match(found?.hint ?? '', /^delete keys and run etcdctl compact/)
      assert.doesNotMatch(found?.hint ?? '', /defrag|--|disarm/)
    }
  })

  test('alarms are problems of the member that raised them', () => {
    const alarms = ['NOSPACE', 'CORRUPT', 'LATER'].map(kind => ({ memberId: '1', kind }))
    const found = judgeSpace(
      [{ ...member(1), quotaBytes: 2 ** 40 }],
      [...alarms, { memberId: '31', kind: 'CORRUPT' }],
    )
    assert.deepEqual(
      found.map(({ level, details }) => [level, details?.member, details?.alarm]),
      [
        ['problem', 'http://10.0.0.1:1', 'NOSPACE'],
        ['problem', 'http://10.0.0.1:1', 'CORRUPT'],
        ['problem', 'http://10.0.0.1:1', 'LATER'],
        ['problem', 'member 1f', 'CORRUPT'],
      ],
    )
  })
})

describe('services', () => {
  const key = (service: string, id: string, host: string, more: object = {}): NodeKey => ({
    key: `/services/${service}/${id}-${host}`,
    lease: '1',
    nodes: [createNode({ service, id, host, port: 80, ...more })],
    problem: undefined,
  })
  const context = { prefixes: [{ prefix: '/services/', service: undefined }], isRemote: false }

  test('with two keys of one id, or two nodes at one address, are reported', () => {
    const found = judgeServices(
      [
        key('a', 'x', '10.0.0.1'),
        key('a', 'x', '10.0.0.2'),
        key('a', 'y', '10.0.0.1'),
        key('b', 'x', '10.0.0.1'),
      ],
      context,
    )
    assert.deepEqual(
      found.map(({ level, details }) => [level, details?.items]),
      [
        [
          'problem',
          ['/services/a/x-10.0.0.2: node id "x" of service "a" is already used by /services/a/x-10.0.0.1'],
        ],
        ['warning', ['a: x and y at 10.0.0.1:80']],
      ],
    )
  })

  test('with many nodes at one address are reported with a few of them', () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => key('a', `n${10_000 + index}`, '10.0.0.1'))
    assert.deepEqual(judgeServices(keys, context)[0]?.details?.items, [
      'a: n10000 and n10001 and n10002 and n10003 and n10004 and 49995 more at 10.0.0.1:80',
    ])
  })

  test('at loopback addresses are reported only when etcd is on another machine', () => {
    const keys = ['127.0.0.1', '::1', 'localhost', '10.0.0.1'].map((host, index) =>
      key('a', `n${index}`, host),
    )
    assert.deepEqual(judgeServices(keys, context), [])
    assert.deepEqual(judgeServices(keys, { ...context, isRemote: true })[0]?.details?.items, [
      'a/n0 at 127.0.0.1:80',
      'a/n1 at [::1]:80',
      'a/n2 at localhost:80',
    ])
  })

  test('without a node that gets requests are reported with the reason', () => {
    const found = judgeServices(
      [
        key('paused', 'x', '10.0.0.1', { weight: 0 }),
        key('thrift', 'x', '10.0.0.1', { protocol: 'thrift' }),
        key('calls', 'x', '10.0.0.1', { protocol: 'grpc' }),
        key('fine', 'x', '10.0.0.1', { weight: 0 }),
        key('fine', 'y', '10.0.0.2'),
        { key: '/services/broken/x', lease: '1', nodes: [], problem: 'value is not valid JSON' },
        { key: '/services/fine/z', lease: '1', nodes: [], problem: 'value is not valid JSON' },
      ],
      context,
    )
    assert.deepEqual(
      found.map(({ details }) => details?.items),
      [
        [
          'broken: its values are not used',
          'paused: its nodes have weight 0',
          'thrift: its nodes speak neither HTTP nor gRPC',
        ],
      ],
    )
  })
})

describe('leases', () => {
  const client = {
    leaseClient: { leaseTimeToLive: async () => ({ grantedTTL: '10' }) },
  } as unknown as Pick<Etcd3, 'leaseClient'>
  const key = (service: string, id: string, lease: string | undefined): NodeKey => ({
    key: `/services/${service}/${id}`,
    lease,
    nodes: [createNode({ service, id, host: '10.0.0.1', port: 1 })],
    problem: undefined,
  })

  test('that are missing are told apart by whether other keys of the service have one', async () => {
    const found = await checkKeyLeases(client, [
      key('user', 'u1', '7'),
      key('user', 'u2', undefined),
      key('fixed', 'f1', undefined),
    ])
    assert.deepEqual(
      found.map(({ level, details }) => [level, details?.items]),
      [
        ['warning', ['/services/user/u2']],
        ['warning', ['/services/fixed/f1']],
      ],
    )
    assert.match(found[0]!.message, /although other keys of the same service have one/)
    assert.match(found[0]!.hint!, /delete the key/)
  })
})

describe('routes', () => {
  const shadowed = (...routes: Route[]) =>
    judgeRoutes(
      '/r/',
      { keys: [], revision: 1n, bytes: 0, tookMs: 0 },
      { routes, unused: [] },
      { fileRoutes: routes, services: undefined },
    ).flatMap(({ details }) => details?.items ?? [])
  const route = (id: string, more: Partial<Route> = {}) =>
    testRoute({ id, path: '/a/:x', service: 's', ...more })

  test('to services without a node are told of, with the name that was probably meant', () => {
    const found = judgeRoutes(
      '/r/',
      { keys: [], revision: 1n, bytes: 0, tookMs: 0 },
      {
        unused: [],
        routes: [
          testRoute({ id: 'a', path: '/a', service: 'tsak' }),
          testRoute({
            ...{ id: 'b', path: '/b', service: 'task' },
            policies: {
              split: { variants: [{ service: 'task' }, { nodes: { version: '2' } }, { service: 'beta' }] },
              mirror: { service: 'shadow' },
            },
          }),
        ],
      },
      { fileRoutes: [], services: new Set(['task']), guess: didYouMean },
    )
    assert.deepEqual(found.at(-1)?.details?.items, ['a: tsak (did you mean "task"?)', 'b: beta', 'b: shadow'])
  })

  test('to services without a node are guessed at for those alone that are shown', () => {
    const guessed: string[] = []
    const found = judgeRoutes(
      '/r/',
      { keys: [], revision: 1n, bytes: 0, tookMs: 0 },
      {
        unused: [],
        routes: Array.from({ length: 500 }, (_, n) =>
          testRoute({ id: `r${String(n).padStart(3, '0')}`, path: `/${n}`, service: `s${n}` }),
        ).reverse(),
      },
      {
        fileRoutes: [],
        services: new Set(['task']),
        guess: name => {
          guessed.push(name)
          return ' (?)'
        },
      },
    )
    const { items = [], more } = found.at(-1)!.details!
    assert.deepEqual([items.length, items[0], items[19], more], [20, 'r000: s0 (?)', 'r019: s19 (?)', 480])
    assert.equal(guessed.length, 20)
  })

  test('by the thousands are compared in a time that grows with their number', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, n) => route(`r${n}`, { path: `/p${n}/:x` }))
    const [some, more] = [many(500), many(4_000)].map(routes => leastCpuMs(() => shadowed(...routes), 3))
    assert.ok(more! < 30 * some!, `${some} ms for 500, ${more} ms for 4,000`)
  })

  test('with the same path and hosts shadow each other: the higher priority wins, then the smaller id', () => {
    assert.deepEqual(shadowed(route('a'), route('b', { path: '/a/:y' })), [
      'b (/a/:y): a takes all of its requests',
    ])
    assert.deepEqual(shadowed(route('a'), route('b', { priority: 1 })), [
      'a (/a/:x): b takes all of its requests',
    ])
  })

  test('with other hosts, other methods or another path do not', () => {
    assert.deepEqual(shadowed(route('a'), route('b', { path: '/a/*' })), [])
    assert.deepEqual(shadowed(route('a', { hosts: ['x'] }), route('b')), [])
    assert.deepEqual(shadowed(route('a', { methods: ['GET'] }), route('b')), [])
    assert.deepEqual(shadowed(route('a', { methods: ['GET'] }), route('b', { methods: ['GET', 'PUT'] })), [])
  })

  test('with conditions shadow none, and are shadowed only by one of a higher priority without', () => {
    const match = [{ headers: { v: '1' } }]
    assert.deepEqual(shadowed(route('a', { match }), route('b')), [])
    assert.deepEqual(shadowed(route('a'), route('b', { match })), [])
    assert.deepEqual(shadowed(route('a', { match, priority: 1 }), route('b', { match })), [])
    assert.equal(shadowed(route('a', { priority: 1 }), route('b', { match })).length, 1)
  })

  test('for some methods are shadowed by one for all methods', () => {
    assert.equal(shadowed(route('a'), route('b', { methods: ['GET'] })).length, 1)
    assert.equal(shadowed(route('a', { hosts: ['x', 'y'] }), route('b', { hosts: ['y', 'x'] })).length, 1)
  })
})

test('an endpoint is parsed as by the client', () => {
  for (const [url, secure, host, port] of [
    ['http://10.0.0.1:80', false, '10.0.0.1', 80],
    ['https://etcd', true, 'etcd', 2379],
    ['etcd:1/', false, 'etcd', 1],
    ['https://[::1]:443', true, '::1', 443],
  ] as const) {
    assert.deepEqual(parseEndpoint(url), { url, secure, host, port })
  }
  assert.throws(
    () => parseEndpoint('http://me:secret@x'),
    (error: Error) => !error.message.includes('secret'),
  )
})

test('loopback hosts are recognised', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', 'LOCALHOST.', 'a.localhost']) {
    assert.ok(isLoopbackHost(host), host)
  }
  for (const host of ['10.0.0.1', 'localhost.example.com', '127.example.com', '::2', '0.0.0.0']) {
    assert.ok(!isLoopbackHost(host), host)
  }
})

test('numbers are formatted for people', () => {
  assert.deepEqual([0, 1_023, 1_024, 2 * 2 ** 30].map(size), ['0 bytes', '1023 bytes', '1.0 KiB', '2.0 GiB'])
  assert.deepEqual([0.123, 9.94, 10.2].map(duration), ['0.1 ms', '9.9 ms', '10 ms'])
  assert.deepEqual(listed(['a', 'b', 'c'], 2), { items: ['a', 'b'], more: 1 })
  assert.deepEqual(listed(['a'], 2), { items: ['a'] })
})
