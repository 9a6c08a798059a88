const PREFIX_BYTES = 5

/** Returns a message as it stands in a body, with its prefix in front. */
export function writeMessage(bytes: Uint8Array): Buffer {
  const framed = Buffer.alloc(PREFIX_BYTES + bytes.length)
  framed.writeUInt32BE(bytes.length, 1)
  framed.set(bytes, PREFIX_BYTES)
  return framed
}
