const LINE_FEED = 0x0a

/**
 * Splits UTF-8 into lines, without their line feeds, as fast as they are taken. What follows the last line feed is a line too, unless
 * it is empty. Bytes that are no UTF-8 become U+FFFD.
 *
 * @param maxBytes how long a line may be, which bounds what is held in memory
 * @throws RangeError for a longer line, with its number
 */
export async function* splitLines(input: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  let begun: Buffer[] = []
  let begunBytes = 0
  let number = 1
  const add = (piece: Buffer) => {
    begunBytes += piece.length
    if (begunBytes > maxBytes) throw new RangeError(`line ${number} is longer than ${maxBytes} bytes`)
    begun.push(piece)
  }
  const take = () => {
    const line = (begun.length === 1 ? begun[0]! : Buffer.concat(begun)).toString()
    begun = []
    begunBytes = 0
    number++
    return line
  }
  for await (const chunk of input) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start)
      if (end === -1) break
      add(chunk.subarray(start, end))
      yield take()
      start = end + 1
    }
    if (start < chunk.length) add(chunk.subarray(start))
  }
  if (begunBytes > 0) yield take()
}
