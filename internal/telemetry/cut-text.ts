/** Returns a copy of a text. A part of a string, as V8 makes it, keeps the whole string in memory; a copy of it does not. */
export function ownText(text: string): string {
  return Buffer.from(text).toString()
}

/**
 * Cuts a text to so many characters. The rest is not kept in memory.
 *
 * @param mark stands behind a text that was cut
 */
export function cutText(text: string, characters: number, mark = ''): string {
  return text.length <= characters ? text : ownText(text.slice(0, characters) + mark)
}
