import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { ClientResponse } from '../../../internal/http/client-exchange.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { WrappedResponse } from '../../../internal/http/wrapped-response.ts'
import type { Exchange, TransformBody } from '../../../internal/policy.ts'
import { createWholeResponse } from '../../../internal/whole-response.ts'
import { createRespond } from '../../../routes/public/respond.ts'
import { TestResponse } from '../../support/test-response.ts'

/** Puts a text in front of bodies. */
class Prefixed extends WrappedResponse {
  readonly #prefix: string

  constructor(target: ClientResponse, prefix: string) {
    super(target)
    this.#prefix = prefix
  }

  override end(chunk: Buffer | string = ''): unknown {
    return super.end(Buffer.from(this.#prefix + chunk))
  }
}

const prefixing =
  (prefix: string): TransformBody =>
  ({ headers }) => {
    headers.push('x-prefix', prefix)
    return target => new Prefixed(target, prefix)
  }

function setUp(transforms: readonly TransformBody[], { isWebSocket = false } = {}) {
  const heads: (readonly string[])[] = []
  const response = new (class extends TestResponse {
    override writeHead(status: number, headers: string[] = []): void {
      heads.push(headers)
      super.writeHead(status)
    }
  })()
  const bugs: unknown[] = []
  const respond = createRespond({
    isDraining: () => false,
    onPiece: () => {},
    onInternalError: error => bugs.push(error),
  })
  const exchange = {
    ...{ response, isWebSocket, expectation: 'none', head: { chunked: false } },
    call: new Call('id', 'GET', '/', 0),
    plan: { onResponse: [], transforms, hidesFromClient: undefined },
  } as unknown as Exchange
  return { respond, exchange, response, heads, bugs }
}

const ANSWER = createWholeResponse(200, ['a', 'b'], Buffer.from('body'))

test('a body meets the transforms in their order: what the first one makes is what the second one gets', () => {
  const { respond, exchange, response, heads } = setUp([prefixing('1'), () => undefined, prefixing('2')])
  respond.answer(exchange, ANSWER, 'upstream')
  assert.equal(response.text, '21body')
  // The heads are edited in the same order, and have all that the client gets.
  assert.deepEqual(heads, [
    ['a', 'b', 'content-length', '4', 'x-request-id', 'id', 'x-prefix', '1', 'x-prefix', '2'],
  ])
})

test('refusals and handshakes for WebSockets meet no transform', () => {
  const refused = setUp([prefixing('1')])
  refused.respond.refuse(refused.exchange, new GatewayError('WG_FORBIDDEN'))
  assert.equal(JSON.parse(refused.response.text).code, 'WG_FORBIDDEN')
  const upgraded = setUp([prefixing('1')], { isWebSocket: true })
  upgraded.respond.answer(upgraded.exchange, ANSWER, 'upstream')
  assert.equal(upgraded.response.text, 'body')
})

test('a transform that fails before the head has a 500, and one that throws at once too', () => {
  const failing: TransformBody = () => (target, fail) => {
    const wrapped = new Prefixed(target, '')
    wrapped.writeHead = () => {}
    wrapped.end = () => fail(new Error('broken'))
    return wrapped
  }
  const throwing: TransformBody = () => {
    throw new Error('broken')
  }
  for (const transform of [failing, throwing]) {
    const { respond, exchange, response, bugs } = setUp([transform])
    respond.answer(exchange, ANSWER, 'upstream')
    assert.deepEqual([response.statusCode, JSON.parse(response.text).code], [500, 'WG_INTERNAL'])
    assert.equal(bugs.length, 1)
  }
})
