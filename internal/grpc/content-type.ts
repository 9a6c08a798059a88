/** How a client speaks gRPC. `web`: with the trailers in the body; `web-text`: that, in base64. */
export type GrpcDialect = 'grpc' | 'web' | 'web-text'

// A comma would mean that the field came twice.
const GRPC = /^application\/grpc(?:-(web(?:-text)?))?(?:[+;][^,]*)?$/i

const LETTER_AT = 'application/'.length
const CASE_BIT = 0x20
const LETTER_G = 0x67

/** Returns the dialect that a content type stands for, such as `application/grpc-web+proto`; undefined when it is none. */
export function grpcDialectOf(contentType: string): GrpcDialect | undefined {
  // Most content types are told from those of gRPC by one letter.
  if ((contentType.charCodeAt(LETTER_AT) | CASE_BIT) !== LETTER_G) return undefined
  const found = GRPC.exec(contentType)
  if (found === null) return undefined
  return (found[1]?.toLowerCase() as GrpcDialect | undefined) ?? 'grpc'
}

/** Returns a content type of gRPC-web as gRPC has it: `application/grpc-web-text+proto` as `application/grpc+proto`. */
export function toGrpcType(webType: string): string {
  return webType.replace(/^application\/grpc-web(?:-text)?/i, 'application/grpc')
}

/** Returns a content type of gRPC as a client of gRPC-web expects it. */
export function toWebType(grpcType: string, dialect: 'web' | 'web-text'): string {
  return grpcType.replace(/^application\/grpc/i, `application/grpc-${dialect}`)
}
