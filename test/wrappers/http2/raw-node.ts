import type { TestContext } from 'node:test'
import {
  dataFrame,
  headersFrame,
  listenRawHttp2,
  type RawHttp2,
  settingsFrame,
} from '../../support/raw-http2.ts'

/** Starts a node of which the test writes every frame. It sends SETTINGS when it is connected to, and ends after the test. */
export async function startRawNode(t: TestContext, settings: readonly number[] = []) {
  const node = await listenRawHttp2(connection => connection.write(settingsFrame(settings)))
  t.after(() => node[Symbol.asyncDispose]())
  return node
}

/** Resolves with the id of the stream on which a node got a request for a target. */
export async function requestFor(connection: RawHttp2, target: string): Promise<number> {
  return connection.until(({ fields }) => {
    for (const [id, [head]] of fields) {
      const at = head?.indexOf(':path') ?? -1
      if (head?.[at + 1] === target) return id
    }
    return undefined
  })
}

/** Returns the frames of a whole answer. */
export function answerFrames(streamId: number, text: string, lines: readonly string[] = []): Buffer {
  return Buffer.concat([
    headersFrame(streamId, [':status', '200', ...lines], { isEnd: false }),
    dataFrame(streamId, text, { isEnd: true }),
  ])
}
