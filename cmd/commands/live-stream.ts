import { setTimeout as delay } from 'node:timers/promises'
import { EventParser, SILENCE_MS } from '../../internal/telemetry/event-parser.ts'
import { parseJson } from '../../internal/text/json.ts'
import { tell, visible } from '../cli/output.ts'
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
      if (error instanceof SilentStream) reason = 'nothing was received for 20 s'
      else if (!(error instanceof TypeError)) throw error
    }
    tell(`waygate: ${client.url} has ended the stream: ${visible(reason)}; connecting again`)
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

class SilentStream extends Error {}

/**
 * Reads the events of a stream of server-sent events until it ends, and closes it.
 *
 * @throws TypeError when the connection breaks
 * @throws SilentStream
 */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent> {
  const parser = new EventParser()
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read())
      if (done) return
      for (const { type, data } of parser.read(decoder.decode(value, { stream: true })))
        yield { event: type, data: parseJson(data) }
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

async function inTime<Value>(reading: Promise<Value>): Promise<Value> {
  const { promise: silence, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new SilentStream()), SILENCE_MS)
  try {
    return await Promise.race([reading, silence])
  } finally {
    clearTimeout(timer)
  }
}
