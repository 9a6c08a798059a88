import { join } from 'node:path'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { loadSync } from '@grpc/proto-loader'

/** The folder of the protos of test servers in all languages. */
export const PROTO_FOLDER = join(import.meta.dirname, '../foreign/proto')
/** The name of the service in `echo.proto`. */
export const ECHO = 'waygate.test.v1.Echo'

/** `test/foreign/proto/echo.proto`, as grpc-js wants it: 64-bit numbers are strings, and bytes are Buffers. */
export const echoPackage = loadSync('echo.proto', {
  includeDirs: [PROTO_FOLDER],
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
})

/** A request of `echo.proto`. */
export interface EchoRequest {
  readonly text: string
  readonly payload: Buffer
  readonly replyBytes: number
  readonly count: number
  readonly delayMs: number
  readonly fail: {
    readonly code: number
    readonly message: string
    readonly details: Buffer
    readonly after: number
  } | null
}

type Partially<T> = { readonly [K in keyof T]?: T[K] extends object | null ? Partially<T[K]> | T[K] : T[K] }
export type EchoInput = Partially<EchoRequest>

/** A reply of `echo.proto`. */
export interface EchoReply {
  readonly text: string
  readonly payload: Buffer
  readonly index: number
  readonly node: string
  readonly metadata: Readonly<Record<string, string>>
  readonly deadlineMs: string
}

/** Returns an encoded google.rpc.Status, which clients get as `grpc-status-details-bin`. */
export function encodeStatus(code: number, message: string, details: readonly StatusDetail[]): Buffer {
  const writer = new BinaryWriter().uint32(8).int32(code).uint32(18).string(message)
  for (const { type, value } of details) {
    writer.uint32(26).fork().uint32(10).string(`type.googleapis.com/${type}`).uint32(18).bytes(value).join()
  }
  return Buffer.from(writer.finish())
}

/** A message in a google.rpc.Status. */
export interface StatusDetail {
  /** Its full name, such as `google.rpc.ErrorInfo`. */
  readonly type: string
  /** Encoded. */
  readonly value: Uint8Array
}

/** Returns an encoded google.rpc.ErrorInfo without metadata. */
export function encodeErrorInfo(reason: string, domain: string): Uint8Array {
  return new BinaryWriter().uint32(10).string(reason).uint32(18).string(domain).finish()
}
