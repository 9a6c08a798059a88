import type { Socket } from 'node:net'

export interface ClientHelloOptions {
  readonly timeoutMs: number
  /** Called when the first message of a client has arrived whole. It is back in the socket. */
  readonly onWhole: () => void
  /** Called when the client begins with a request of HTTP instead. What it has sent so far is discarded. */
  readonly onHttp: () => void
  /** Called when it has not arrived in time, or when the client has left before. The connection is then destroyed. */
  readonly onMissing: (reason: 'timeout' | 'closed') => void
}

const RECORD_HEAD_BYTES = 5
const HANDSHAKE = 22
const MESSAGE_HEAD_BYTES = 4
/** How a request of HTTP/1 begins. The preface of HTTP/2 is none: its clients understand no answer of HTTP/1. */
const REQUEST = /^(?!PRI )[A-Z-]{1,24} \S/
/** Enough bytes for any method and the first byte of a target. */
const LONGEST_METHOD = 32
/** Longer ones exist only to be costly. With all that is in use today, a message takes less than 3 KB. */
const MAX_BYTES = 32_768

/**
 * Waits for the first message of a client, which makes the server sign. Only then it is known that a handshake costs
 * something, and when: a client can connect long before.
 */
export function awaitClientHello(
  socket: Socket,
  { timeoutMs, onWhole, onHttp, onMissing }: ClientHelloOptions,
): void {
  let received: Buffer = Buffer.alloc(0)
  const onReadable = () => {
    const piece: Buffer | null = socket.read()
    if (piece === null) return
    received = received.length === 0 ? piece : Buffer.concat([received, piece])
    if (!isWhole(received)) return
    letGo()
    if (REQUEST.test(received.toString('latin1', 0, LONGEST_METHOD))) {
      onHttp()
      return
    }
    socket.unshift(received)
    onWhole()
  }
  const giveUp = (reason: 'timeout' | 'closed') => {
    letGo()
    onMissing(reason)
    socket.destroy()
  }
  const onEnd = () => giveUp('closed')
  const letGo = () => {
    clearTimeout(timer)
    socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
  }
  const timer = setTimeout(() => giveUp('timeout'), timeoutMs)
  // A listener for 'data' would have to be removed while the stream flows, and what is put back would be lost.
  socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
}

/** Whether bytes hold all that the server needs to answer or to refuse: a whole message, or no message of TLS. */
function isWhole(bytes: Buffer): boolean {
  let at = 0
  let length = 0
  let wanted = Number.POSITIVE_INFINITY
  while (length < wanted) {
    if (bytes.length > MAX_BYTES) return true
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return true
    if (bytes.length < at + RECORD_HEAD_BYTES) return false
    const payload = bytes.readUInt16BE(at + 3)
    // An empty record is refused by TLS itself.
    if (payload === 0) return true
    if (bytes.length < at + RECORD_HEAD_BYTES + payload) return false
    // A message whose head is in two records is split on purpose. TLS reads it, or refuses it.
    if (at === 0) {
      if (payload < MESSAGE_HEAD_BYTES) return true
      wanted = MESSAGE_HEAD_BYTES + bytes.readUIntBE(RECORD_HEAD_BYTES + 1, 3)
    }
    length += payload
    at += RECORD_HEAD_BYTES + payload
  }
  return true
}
