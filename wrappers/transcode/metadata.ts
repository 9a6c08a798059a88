/** Fields of a request that are about its body, about HTTP, or that gRPC has a meaning for. */
const NOT_METADATA = /^(?:accept(?:-.*)?|content-.*|cookie|grpc-.*|te|trailer|expect)$/
/** What gRPC allows in metadata that is text. */
const ASCII = /^[\x20-\x7e]*$/
/** The name of metadata, which has no upper-case letters on HTTP/2. */
const NAME = /^[0-9a-z_.-]+$/
/** Base64 with its padding or without any. gRPC libraries end a call whose binary metadata is something else. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

/**
 * Returns the header lines of the gRPC call that a plain request becomes: its fields as metadata, without those that
 * gRPC would take for its own (grpc/doc/PROTOCOL-HTTP2.md, "Custom-Metadata").
 *
 * @param lines flat, as a node of HTTP would get them
 */
export function toCallHeaders(lines: readonly string[]): string[] {
  const headers = ['content-type', 'application/grpc', 'grpc-accept-encoding', 'identity']
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    const value = lines[i + 1]!
    if (isMetadata(name, value)) headers.push(name, value)
  }
  return headers
}

function isMetadata(name: string, value: string): boolean {
  if (!NAME.test(name) || NOT_METADATA.test(name)) return false
  return name.endsWith('-bin') ? BASE64.test(value) : ASCII.test(value)
}
