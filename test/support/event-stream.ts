import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { TestContext } from 'node:test'

export interface StreamEvent {
  readonly event: string
  /** Parsed. */
  readonly data: unknown
}

/** The reader of an event stream. */
export interface EventReader {
  readonly response: IncomingMessage
  /** What has arrived and was not taken. */
  readonly events: StreamEvent[]
  /** Comments that have arrived. */
  readonly comments: string[]
  /** Takes the next event of this name, and those before it; waits for it. */
  next<Data>(event: string): Promise<Data>
  /** Resolves with all that is left when the stream has ended. */
  rest(): Promise<StreamEvent[]>
}

/** Opens an event stream, and reads it unless told to pause. Closed after the test. */
export async function openEvents(
  t: Pick<TestContext, 'after'>,
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<EventReader> {
  const request = get({ host: '127.0.0.1', port, path, headers, agent: false })
  t.after(() => request.destroy())
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const events: StreamEvent[] = []
  const comments: string[] = []
  /** What has arrived of the next event. It is joined once, when it is whole, since that may take hundreds of pieces. */
  let pieces: string[] = []
  let isOver = false
  let onNews = () => {}
  response.setEncoding('utf8')
  response.on('data', (piece: string) => {
    const isWhole = piece.includes('\n\n') || (piece.startsWith('\n') && pieces.at(-1)?.endsWith('\n'))
    pieces.push(piece)
    if (!isWhole) return
    const blocks = pieces.join('').split('\n\n')
    pieces = [blocks.pop()!]
    for (const block of blocks) {
      if (block.startsWith(':')) comments.push(block)
      else {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(block)!
        events.push({ event: event!, data: JSON.parse(data!) })
      }
    }
    onNews()
  })
  response.on('close', () => {
    isOver = true
    onNews()
  })
  response.on('error', () => {})
  const news = () => new Promise<void>(resolve => (onNews = resolve))
  return {
    ...{ response, events, comments },
    async next(event) {
      for (;;) {
        const at = events.findIndex(each => each.event === event)
        if (at >= 0) return events.splice(0, at + 1).at(-1)!.data as never
        if (isOver) throw new Error(`the stream ended without ${event}`)
        await news()
      }
    },
    async rest() {
      while (!isOver) await news()
      return events.splice(0)
    },
  }
}
