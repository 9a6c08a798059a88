import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Linked, OpenCalls } from '../../../internal/telemetry/open-calls.ts'
import { seededRandom } from '../../support/random.ts'

class OpenCall implements Linked<OpenCall> {
  readonly n: number
  olderOpen: OpenCall | undefined = undefined
  newerOpen: OpenCall | undefined = undefined

  constructor(n: number) {
    this.n = n
  }
}

test('calls are listed in the order of their arrival, whichever have ended', () => {
  const random = seededRandom(11)
  const open = new OpenCalls<OpenCall>()
  const expected: OpenCall[] = []
  for (let n = 0; n < 2_000; n++) {
    if (random() < 0.55 || expected.length === 0) {
      const call = new OpenCall(n)
      open.add(call)
      expected.push(call)
    } else {
      const [call] = expected.splice(Math.floor(random() * expected.length), 1)
      open.remove(call!)
      assert.deepEqual([call!.olderOpen, call!.newerOpen], [undefined, undefined], 'it holds no other call')
    }
    assert.deepEqual([...open.longestFirst()], expected)
  }
  for (const call of expected) open.remove(call)
  assert.deepEqual([...open.longestFirst()], [])
})
