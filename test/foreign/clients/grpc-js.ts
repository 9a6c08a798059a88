import assert from 'node:assert/strict'
import { createEchoClient } from '../../support/grpc-client.ts'
import { until } from '../../support/until.ts'
import { FAILURE_DETAILS, FAILURE_MESSAGE, type KindResult, runKinds } from '../kinds.ts'

/** Calls with grpc-js. */
export async function runGrpcJs(address: string, rounds: number): Promise<KindResult[]> {
  using client = createEchoClient(address)
  const patience = { timeoutMs: 30_000 }
  const replies = async (...[method, requests, options]: Parameters<typeof client.call>) => {
    const result = await client.call(method, requests, { ...patience, ...options })
    assert.equal(result.status, 'OK', result.message)
    return result.replies
  }
  return await runKinds(
    {
      async unary() {
        const [reply] = await replies('Unary', { text: 'ä☃' })
        assert.equal(reply?.text, 'ä☃')
        return reply.node
      },
      async 'server stream'() {
        const all = await replies('ServerStream', { count: 5 })
        assert.deepEqual(
          all.map(({ index }) => index),
          [0, 1, 2, 3, 4],
        )
        return all[0]!.node
      },
      async 'client stream'() {
        const [reply] = await replies('ClientStream', [{ text: 'a' }, { text: 'b' }])
        assert.equal(reply?.text, 'a,b')
        return reply.node
      },
      async bidi() {
        const call = client.start('Bidi', patience)
        for (const text of ['a', 'b', 'c']) {
          call.send({ text })
          await until(`the reply to ${text}`, () => call.replies.at(-1)?.text === text, { everyMs: 1 })
        }
        call.end()
        assert.equal((await call.result).status, 'OK')
        return call.replies[0]!.node
      },
      async deadline() {
        const [reply] = await replies('Unary', {}, { timeoutMs: 20_000 })
        const left = Number(reply?.deadlineMs)
        assert.ok(left > 0 && left <= 21_000, `${left} ms were left`)
        const { status } = await client.call('Unary', { delayMs: 5_000 }, { timeoutMs: 300 })
        assert.equal(status, 'DEADLINE_EXCEEDED')
        return undefined
      },
      async cancel() {
        const call = client.start('ServerStream', patience)
        call.send({ count: 100, delayMs: 50 })
        await until('a reply', () => call.replies.length > 0, { everyMs: 1 })
        call.cancel()
        assert.equal((await call.result).status, 'CANCELLED')
        return undefined
      },
      async status() {
        const fail = { code: 5, message: FAILURE_MESSAGE }
        const unary = await client.call('Unary', { fail }, patience)
        assert.deepEqual([unary.status, unary.message], ['NOT_FOUND', FAILURE_MESSAGE])
        const stream = await client.call('ServerStream', { fail: { ...fail, after: 2 } }, patience)
        assert.deepEqual([stream.status, stream.replies.length], ['NOT_FOUND', 2])
        return undefined
      },
      async details() {
        const fail = { code: 5, message: 'gone', details: FAILURE_DETAILS }
        const { trailers } = await client.call('Unary', { fail }, patience)
        assert.deepEqual(trailers.get('grpc-status-details-bin'), [FAILURE_DETAILS])
        return undefined
      },
      async metadata() {
        const metadata = { 'x-echo-a': 'one', 'x-echo-b-bin': Buffer.from([0, 255]) }
        const result = await client.call('Unary', {}, { ...patience, metadata })
        for (const got of [result.head!, result.trailers]) {
          assert.deepEqual(got.get('x-echo-a'), ['one'])
          assert.deepEqual(got.get('x-echo-b-bin'), [Buffer.from([0, 255])])
        }
        assert.equal(result.replies[0]?.metadata['x-echo-b-bin'], 'AP8=')
        return result.replies[0].node
      },
      async large() {
        const payload = Buffer.alloc(3 << 20, '0123456789abcdef')
        const [reply] = await replies('Unary', { payload })
        assert.ok(reply && payload.equals(reply.payload))
        return reply.node
      },
    },
    rounds,
  )
}
