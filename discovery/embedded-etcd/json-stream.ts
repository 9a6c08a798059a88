import { Duplex } from 'node:stream'

export interface JsonStreamOptions {
  /** Sends a message. `sent` is called when the client's socket has taken it. What is thrown becomes the error of the stream. */
  readonly send: (message: object, sent: () => void) => void
  /** Ends the answer. */
  readonly end: () => void
  /** Called when more requests are wanted, after `push` has returned false. */
  readonly wantMore: () => void
}

/**
 * A stream of messages as the services of etcd expect it of gRPC, with another transport behind it. Requests are `push`ed,
 * and null is pushed after the last one. The owner destroys it when the client goes away.
 */
export function createJsonStream({ send, end, wantMore }: JsonStreamOptions): Duplex {
  return new Duplex({
    objectMode: true,
    // Requests are pushed as they come.
    read: wantMore,
    write(message: object, _encoding, done) {
      try {
        send(message, done)
      } catch (error) {
        // The writer is the store, which serves others as well.
        done(error as Error)
      }
    },
    final(done) {
      end()
      done()
    },
  })
}
