import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { type End, holdBack } from '../../../../routes/public/http1/websocket-ends.ts'

/** A `ws` socket that does not read by itself; the test emits its frames. */
class SilentEnd extends EventEmitter implements End {
  isPaused = false
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  close(): void {}
  terminate(): void {}
}

const PINGS = 200_000

for (const [what, isTaken] of [
  ['a side that reads nothing is sent at most some thousand pings, however short', false],
  ['a side that reads is sent everything', true],
] as const) {
  test(what, async () => {
    const from = new SilentEnd()
    let take = () => {}
    const wire = new Writable({
      write: (_bytes, _encoding, done) => {
        if (isTaken) done()
        else take = done
      },
      writev: (_pieces, done) => done(),
    })
    from.on('ping', () => wire.write(Buffer.alloc(2)))
    holdBack(from, wire)
    let sent = 0
    for (; sent < PINGS && !from.isPaused; sent++) from.emit('ping')
    if (isTaken) {
      assert.equal(sent, PINGS)
      return
    }
    // The first pings fill the buffer of the stream.
    assert.ok(sent < wire.writableHighWaterMark / 2 + 5_000, `${sent} were sent`)
    const drained = once(wire, 'drain')
    take()
    await drained
    assert.equal(from.isPaused, false)
  })
}
