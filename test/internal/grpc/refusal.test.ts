import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOfError, refusalOfHttp } from '../../../internal/grpc/refusal.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { getHeader } from '../../../internal/http/header-lines.ts'

/** Reads the fields of a message in the wire format, all of them texts, messages or small numbers. */
function fieldsOf(message: Buffer): Map<number, Buffer | number> {
  const fields = new Map<number, Buffer | number>()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    const value = varint()
    if ((key & 7) === 0) fields.set(key >> 3, value)
    else {
      fields.set(key >> 3, message.subarray(at, at + value))
      at += value
    }
  }
  return fields
}

test('an error of the gateway has its status, its text and its code', () => {
  const { status, lines } = refusalOfError(
    new GatewayError('WG_NO_NODE', { detail: 'Kein Knoten für „task“.' }),
  )
  assert.equal(status, 14)
  assert.equal(getHeader(lines, 'grpc-status'), '14')
  assert.equal(getHeader(lines, 'grpc-message'), 'Kein Knoten f%C3%BCr %E2%80%9Etask%E2%80%9C.')
  const details = getHeader(lines, 'grpc-status-details-bin')!
  assert.match(details, /^[A-Za-z0-9+/]+$/)
  const rpcStatus = fieldsOf(Buffer.from(details, 'base64'))
  assert.equal(rpcStatus.get(1), 14)
  assert.equal(String(rpcStatus.get(2)), 'Kein Knoten für „task“.')
  const any = fieldsOf(rpcStatus.get(3) as Buffer)
  assert.equal(String(any.get(1)), 'type.googleapis.com/google.rpc.ErrorInfo')
  const info = fieldsOf(any.get(2) as Buffer)
  assert.equal(String(info.get(1)), 'WG_NO_NODE')
  assert.equal(String(info.get(2)), 'waygate')
})

test('a text that would not fit into the fields of an answer is cut', () => {
  const detail = 'ä'.repeat(10_000)
  const { lines } = refusalOfError(new GatewayError('WG_BAD_REQUEST', { detail }))
  const rpcStatus = fieldsOf(Buffer.from(getHeader(lines, 'grpc-status-details-bin')!, 'base64'))
  assert.equal(String(rpcStatus.get(2)), 'ä'.repeat(1_000))
})

test('the time to wait is grpc-retry-pushback-ms', () => {
  const busy = new GatewayError('WG_OVERLOADED', { headers: { 'retry-after': '3' } })
  assert.equal(getHeader(refusalOfError(busy).lines, 'grpc-retry-pushback-ms'), '3000')
  const over = refusalOfHttp(503, ['Retry-After', '2'])
  assert.equal(getHeader(over.lines, 'grpc-retry-pushback-ms'), '2000')
  const dated = refusalOfHttp(503, ['Retry-After', 'Sat, 28 Nov 2026 21:00:00 GMT'])
  assert.equal(getHeader(dated.lines, 'grpc-retry-pushback-ms'), undefined)
})

test('an answer that is plain HTTP has a status by its own', () => {
  const { status, lines } = refusalOfHttp(404, [])
  assert.equal(status, 12)
  assert.deepEqual(lines, [
    'grpc-status',
    '12',
    'grpc-message',
    'the service answered HTTP 404 instead of gRPC',
  ])
})
