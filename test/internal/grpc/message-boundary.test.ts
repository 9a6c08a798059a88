import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageBoundary } from '../../../internal/grpc/message-boundary.ts'
import { writeMessage } from '../../support/grpc-message.ts'

const BODY = Buffer.concat(['hello', '', 'x'.repeat(300), 'z'].map(text => writeMessage(Buffer.from(text))))
/** Where one message ends and the next begins. */
const BOUNDARIES = [0, 10, 15, 320, 326]

test('the end of each message is known, wherever a body is cut', () => {
  for (let first = 0; first <= BODY.length; first++) {
    for (const second of [first, Math.min(first + 3, BODY.length), BODY.length]) {
      const boundary = new MessageBoundary()
      boundary.pass(BODY.subarray(0, first))
      assert.equal(boundary.isAtBoundary, BOUNDARIES.includes(first), `${first}`)
      boundary.pass(BODY.toString('latin1', first, second))
      assert.equal(boundary.isAtBoundary, BOUNDARIES.includes(second), `${first} ${second}`)
    }
  }
})

test('a length of 4 GiB is one message that never ends', () => {
  const boundary = new MessageBoundary()
  boundary.pass(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))
  boundary.pass(Buffer.alloc(1_000))
  assert.equal(boundary.isAtBoundary, false)
})
