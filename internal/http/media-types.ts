/** Types whose content is compressed already, or framed in a way of its own, as that of gRPC. */
const INCOMPRESSIBLE =
  /^(?:(?:image|audio|video)\/(?!svg\+xml$)|font\/woff|application\/(?:grpc|zip|gzip|x-gzip|zstd|x-7z|x-rar|vnd\.rar))/

/** Returns whether content of a type is never compressed. The type is in lower case, without parameters; `image/*` is one. */
export function isIncompressible(type: string): boolean {
  return INCOMPRESSIBLE.test(type)
}

/** Returns the media type of a Content-Type in lower case, without its parameters. */
export function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase()
}

/**
 * Compiles a list of media types: `application/json`, `text/*` for all that begin so, or `+json` for all that end so.
 *
 * @returns a function that tells whether a type is on the list; it takes types as `mediaTypeOf` returns them
 */
export function createTypeList(entries: readonly string[]): (type: string) => boolean {
  const lower = entries.map(entry => entry.toLowerCase())
  const prefixes = lower.filter(entry => entry.endsWith('/*')).map(entry => entry.slice(0, -1))
  const suffixes = lower.filter(entry => entry.startsWith('+'))
  const exact = new Set(lower)
  return type =>
    exact.has(type) ||
    prefixes.some(prefix => type.startsWith(prefix)) ||
    suffixes.some(suffix => type.endsWith(suffix))
}
