/** Types whose content is compressed already, or framed in a way of its own, as that of gRPC. */
const INCOMPRESSIBLE =
  /^(?:(?:image|audio|video)\/(?!(?:svg|\*)\+xml$)|font\/woff|application\/(?:grpc|zip|gzip|x-gzip|zstd|x-7z|x-rar|vnd\.rar))/

/** Returns whether content of a type is never compressed. The type is in lower case, without parameters; `image/*` is one. */
export function isIncompressible(type: string): boolean {
  return INCOMPRESSIBLE.test(type)
}

/** Returns the media type of a Content-Type in lower case, without its parameters. */
export function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase()
}

/**
 * Compiles a list of media types: `application/json`, `text/*` for all that begin so, `+json` for all that end so, or
 * `application/*+json` for all that do both.
 *
 * @returns a function that tells whether a type is on the list; it takes types as `mediaTypeOf` returns them
 */
export function createTypeList(entries: readonly string[]): (type: string) => boolean {
  const exact = new Set<string>()
  const ranges: { readonly start: string; readonly end: string }[] = []
  for (const entry of entries.map(entry => entry.toLowerCase())) {
    const [start = '', end] = entry.startsWith('+') ? ['', entry] : entry.split('*')
    if (end === undefined) exact.add(entry)
    else ranges.push({ start, end })
  }
  return type =>
    exact.has(type) ||
    ranges.some(
      ({ start, end }) =>
        type.length > start.length + end.length && type.startsWith(start) && type.endsWith(end),
    )
}
