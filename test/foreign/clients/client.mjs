// Calls echo.proto in every way with Connect's clients, and prints a line of JSON for each kind of call. It runs in a folder
// where the script has installed @connectrpc/connect-node.
//
// Usage: client.mjs grpc|grpc-web DESCRIPTOR_SET ADDRESS ROUNDS
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, createClient, decodeBinaryHeader, encodeBinaryHeader } from '@connectrpc/connect'
import { createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'

const [protocol, set, address, rounds] = process.argv.slice(2)
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(set)))
const isWeb = protocol === 'grpc-web'
const baseUrl = `http://${address}`
const transport = isWeb
  ? createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })
  : createGrpcTransport({ baseUrl })
const client = createClient(registry.getService('waygate.test.v1.Echo'), transport)
const details = Buffer.from(process.env.DETAILS, 'base64')
const patience = { timeoutMs: 30_000 }
const MESSAGE = 'nö 100% ☃'

async function failureOf(call) {
  try {
    await call()
  } catch (error) {
    return ConnectError.from(error)
  }
  throw new Error('the call did not fail')
}

const KINDS = {
  async unary() {
    const reply = await client.unary({ text: 'ä☃' }, patience)
    assert.equal(reply.text, 'ä☃')
    return reply.node
  },
  async 'server stream'() {
    const replies = await Array.fromAsync(client.serverStream({ text: 'a', count: 5 }, patience))
    assert.deepEqual(
      replies.map(({ index }) => index),
      [0, 1, 2, 3, 4],
    )
    return replies[0].node
  },
  async 'client stream'() {
    async function* requests() {
      yield { text: 'a' }
      yield { text: 'b' }
    }
    const reply = await client.clientStream(requests(), patience)
    assert.equal(reply.text, 'a,b')
    return reply.node
  },
  async bidi() {
    const replies = []
    async function* requests() {
      // Each request waits for the reply to the one before.
      for (const text of ['a', 'b', 'c']) {
        yield { text }
        while (replies.at(-1)?.text !== text) await delay(1)
      }
    }
    for await (const reply of client.bidi(requests(), patience)) replies.push(reply)
    assert.deepEqual(
      replies.map(({ text }) => text),
      ['a', 'b', 'c'],
    )
    return replies[0].node
  },
  async deadline() {
    const left = Number((await client.unary({}, { timeoutMs: 20_000 })).deadlineMs)
    assert.ok(left > 0 && left <= 21_000, `${left} ms were left`)
    const { code } = await failureOf(() => client.unary({ delayMs: 5_000 }, { timeoutMs: 300 }))
    assert.equal(code, Code.DeadlineExceeded)
  },
  async cancel() {
    const leaving = new AbortController()
    const options = { ...patience, signal: leaving.signal }
    const { code } = await failureOf(async () => {
      for await (const _ of client.serverStream({ count: 100, delayMs: 50 }, options)) leaving.abort()
    })
    assert.equal(code, Code.Canceled)
  },
  async status() {
    const fail = { code: 5, message: MESSAGE, after: 0 }
    const error = await failureOf(() => client.unary({ fail }, patience))
    assert.deepEqual([error.code, error.rawMessage], [Code.NotFound, MESSAGE])
    let seen = 0
    const { code } = await failureOf(async () => {
      for await (const _ of client.serverStream({ fail: { ...fail, after: 2 } }, patience)) seen++
    })
    assert.deepEqual([code, seen], [Code.NotFound, 2])
  },
  async details() {
    const { metadata } = await failureOf(() =>
      client.unary({ fail: { code: 5, message: 'gone', details } }, patience),
    )
    const found = Buffer.from(decodeBinaryHeader(metadata.get('grpc-status-details-bin')))
    assert.deepEqual(found, details)
  },
  async metadata() {
    const seen = []
    const reply = await client.unary(
      {},
      {
        ...patience,
        headers: { 'x-echo-a': 'one', 'x-echo-b-bin': encodeBinaryHeader(new Uint8Array([0, 255])) },
        onHeader: head => seen.push(head),
        onTrailer: trailers => seen.push(trailers),
      },
    )
    assert.equal(seen.length, 2)
    for (const got of seen) {
      assert.equal(got.get('x-echo-a'), 'one')
      assert.deepEqual([...decodeBinaryHeader(got.get('x-echo-b-bin'))], [0, 255])
    }
    assert.equal(reply.metadata['x-echo-b-bin'], 'AP8=')
    return reply.node
  },
  async large() {
    const payload = Buffer.alloc(3 << 20, '0123456789abcdef')
    const reply = await client.unary({ payload }, patience)
    assert.ok(payload.equals(reply.payload))
    return reply.node
  },
}

for (const [kind, run] of Object.entries(KINDS)) {
  // gRPC-web has no streams from clients.
  if (isWeb && (kind === 'client stream' || kind === 'bidi')) continue
  const nodes = []
  let error = null
  for (let round = 0; round < Number(rounds); round++) {
    try {
      nodes.push(await run())
    } catch (failed) {
      error = String(failed).slice(0, 500)
    }
  }
  console.log(JSON.stringify({ kind, error, nodes: nodes.filter(Boolean) }))
}
process.exit()
