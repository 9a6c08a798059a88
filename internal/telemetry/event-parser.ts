/** An event of a stream of type `text/event-stream`. */
export interface StreamEvent {
  readonly type: string
  readonly data: string
}

/** After this time without a byte, milliseconds, a stream is dead: the gateway sends a comment after 15 s in which it sent nothing else. */
export const SILENCE_MS = 20_000

/**
 * Reads events out of the text of a stream, which comes in arbitrary pieces. Comments and fields that the gateway does not send
 * are skipped.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventParser {
  /** The beginning of a line whose end has not come. */
  #rest = ''
  #type = 'message'
  #data: string[] = []

  /** Returns the events that are complete with this piece. */
  read(piece: string): StreamEvent[] {
    const events: StreamEvent[] = []
    // A table is one line of many pieces, which would be looked through anew with each of them.
    if (!piece.includes('\n')) {
      this.#rest += piece
      return events
    }
    const lines = (this.#rest + piece).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const each of lines) {
      const line = each.endsWith('\r') ? each.slice(0, -1) : each
      if (line === '') {
        if (this.#data.length > 0) events.push({ type: this.#type, data: this.#data.join('\n') })
        this.#type = 'message'
        this.#data = []
      } else if (line.startsWith('event:')) {
        this.#type = line.slice(6).trim()
      } else if (line.startsWith('data:')) {
        this.#data.push(line.slice(line.charAt(5) === ' ' ? 6 : 5))
      }
    }
    return events
  }
}
