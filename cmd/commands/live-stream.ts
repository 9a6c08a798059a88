import { setTimeout as delay } from 'node:timers/promises'
import { EventParser } from '../../internal/telemetry/event-parser.ts'
import { parseJson } from '../../internal/text/json.ts'
import { tell } from '../cli/output.ts'
import { type AdminClient, AskError } from './admin-client.ts'

/** An event of `GET /api/v1/live`. */
export interface LiveEvent {
  readonly event: string
  readonly data: unknown
}

/** How long a stream that has ended is left alone before it is opened again. */
const AGAIN_MS = 1_000

/**
 * Follows the live stream of a gateway without end. When the stream ends, it is opened again, and a line on stderr says so.
 * Each time the stream has been opened, this function adds an event `open`.
 *
 * @throws AskError when it cannot be opened the first time, or is refused later
 */
export async function* followLive(client: AdminClient, query: string): AsyncGenerator<LiveEvent> {
  for (let isFirst = true; ; isFirst = false) {
    const body = isFirst ? await openLive(client, query) : await reopenLive(client, query)
    let reason = 'the stream broke'
    yield { event: 'open', data: undefined }
    try {
      for await (const event of readEvents(body)) {
        if (event.event === 'bye') reason = (event.data as { reason?: string }).reason ?? reason
        yield event
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
    tell(`waygate: ${client.url} has ended the stream: ${reason}; connecting again`)
  }
}

/** Opens the stream once. It ends when its reader is cancelled. */
function openLive(client: AdminClient, query: string): Promise<ReadableStream<Uint8Array>> {
  return client.open(`/api/v1/live?${query}`)
}

async function reopenLive(client: AdminClient, query: string): Promise<ReadableStream<Uint8Array>> {
  for (;;) {
    await delay(AGAIN_MS)
    try {
      return await openLive(client, query)
    } catch (error) {
      if (!(error instanceof AskError && error.isAway)) throw error
    }
  }
}

/**
 * Reads the events of a stream of server-sent events until it ends.
 *
 * @throws TypeError when the connection breaks
 */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent> {
  const parser = new EventParser()
  const decoder = new TextDecoder()
  for await (const piece of body) {
    for (const { type, data } of parser.read(decoder.decode(piece, { stream: true })))
      yield { event: type, data: parseJson(data) }
  }
}
