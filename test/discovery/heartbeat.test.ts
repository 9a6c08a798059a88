import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWantedNode } from '../../discovery/heartbeat.ts'

const read = (body: unknown) => readWantedNode('hello', 'h1', body)

test('a place is a URL, an address, or host and port', () => {
  for (const [body, host, port, protocol] of [
    [{ url: 'http://10.0.0.7:3000' }, '10.0.0.7', 3000, undefined],
    [{ url: 'http://10.0.0.7/' }, '10.0.0.7', 80, undefined],
    [{ url: 'https://node.internal' }, 'node.internal', 443, 'https'],
    [{ url: 'h2c://[::1]:9' }, '::1', 9, 'h2c'],
    [{ url: 'GRPC://10.0.0.7:50051' }, '10.0.0.7', 50051, 'grpc'],
    [{ address: '10.0.0.7:3000' }, '10.0.0.7', 3000, undefined],
    [{ address: '[::1]:3000', protocol: 'h2c' }, '::1', 3000, 'h2c'],
    [{ host: 'node', port: 1, metadata: { protocol: 'grpc' } }, 'node', 1, 'grpc'],
  ] as const) {
    const { node, ttlSeconds } = read(body)
    assert.deepEqual([node.host, node.port, node.protocol], [host, port, protocol], JSON.stringify(body))
    assert.deepEqual([node.service, node.id, node.weight, ttlSeconds], ['hello', 'h1', 1, 10])
  }
})

test('weight, metadata and TTL are those of the body', () => {
  const { node, ttlSeconds } = read({
    ...{ address: '10.0.0.7:3000', weight: 0, metadata: { zone: 'a', build: 7 }, ttlSeconds: 3_600 },
  })
  assert.deepEqual([node.weight, node.metadata, ttlSeconds], [0, { zone: 'a', build: '7' }, 3_600])
})

test('a body that is wrong is refused with the place and the cure', () => {
  for (const [body, reason] of [
    ['text', /must be an object/],
    [[], /must be an object/],
    [{ weight: 1 }, /one of "url", "address" \(host:port\), or "host" and "port"/],
    [{ url: 'http://a:1', address: 'a:1' }, /one of/],
    [{ address: 'a:1', port: 1 }, /one of/],
    [{ adress: 'a:1' }, /unknown field "adress": the fields are address, host/],
    [{ url: 'http://a:1/path' }, /without a path/],
    [{ url: 'http://user:secret@a:1' }, /address must be host:port/],
    [{ url: '10.0.0.7:3000' }, /url must be such as http:/],
    [{ url: 'grpc://a' }, /address must be host:port/],
    [{ url: 'https://a:1', protocol: 'http' }, /"url" names the protocol/],
    [{ url: 'ftp://a:21' }, /do not speak ftp/],
    [{ address: 'a' }, /address must be host:port/],
    [{ url: ['http://a:1'] }, /url must be a string, not \["http:/],
    [{ address: ['a:1'] }, /address must be a string/],
    [{ host: 'a' }, /port must be an integer/],
    [{ host: 'a', port: '80' }, /port must be an integer/],
    [{ port: 80 }, /host must be a string/],
    [{ host: '169.254.169.254', port: 80 }, /link-local/],
    [{ address: 'a:1', weight: -1 }, /weight must be an integer from 0/],
    [{ address: 'a:1', weight: '1' }, /weight must be an integer from 0/],
    [{ address: 'a:1', metadata: { a: {} } }, /metadata value of "a"/],
    [{ address: 'a:1', ttlSeconds: 5 }, /ttlSeconds must be a whole number from 6 to 3600, not 5/],
    [{ address: 'a:1', ttlSeconds: 3_601 }, /not 3601/],
    [{ address: 'a:1', ttlSeconds: '10' }, /not "10"/],
    [{ address: 'a:1', ttlSeconds: 6.5 }, /not 6.5/],
  ] as const) {
    assert.throws(() => read(body), { name: 'TypeError', message: reason }, JSON.stringify(body))
  }
  assert.throws(() => readWantedNode('../routes', 'h1', { address: 'a:1' }), /service must be/)
  assert.throws(() => readWantedNode('hello', 'a/b', { address: 'a:1' }), /id must be/)
})
