const READ_BYTES = 65_536
const shared = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BYTES)

/**
 * Returns the buffer that the reads of a connection fill. All connections share one, in turn: nothing refers to it once a
 * read has been handled. With buffers of their own, a thousand connections would hold 64 MB, and each would find its
 * buffer evicted from the processor's cache. Windows fills a buffer before it reports the read, so there every connection
 * has its own.
 */
export function readBuffer(): Buffer {
  return shared ?? Buffer.allocUnsafeSlow(READ_BYTES)
}
