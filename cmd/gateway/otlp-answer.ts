import type { BinaryReader } from '@bufbuild/protobuf/wire'

/** What a collector says of a batch that it has taken. */
export interface Acceptance {
  /** How many of the spans it has not taken. */
  readonly rejected: number
  /** What is to be told, which may be empty; undefined = all is well. */
  readonly message: string | undefined
}

/**
 * Fields of `ExportTraceServiceResponse` and `ExportTracePartialSuccess`
 * (opentelemetry/proto/collector/trace/v1/trace_service.proto).
 */
const PARTIAL_SUCCESS = 1
const REJECTED_SPANS = 1
const ERROR_MESSAGE = 2

/** Reads the body of an answer with a good status. One that cannot be read says nothing. */
export async function readAnswer(body: Buffer): Promise<Acceptance> {
  const partial = body.length === 0 ? undefined : await readPartialSuccess(body).catch(() => undefined)
  const { rejected, message } = partial ?? { rejected: 0, message: '' }
  const hasRejected = Number.isSafeInteger(rejected) && rejected > 0
  return {
    rejected: hasRejected ? rejected : 0,
    message: hasRejected || message !== '' ? message : undefined,
  }
}

async function readPartialSuccess(body: Buffer): Promise<{ rejected: number; message: string }> {
  const { BinaryReader, WireType } = await import('@bufbuild/protobuf/wire')
  const partial = { rejected: 0, message: '' }
  const readAll = (
    bytes: Uint8Array,
    read: (reader: BinaryReader, field: number, type: number) => boolean,
  ) => {
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag()
      if (!read(reader, field, type)) reader.skip(type, field)
    }
  }
  readAll(body, (outer, field, type) => {
    if (field !== PARTIAL_SUCCESS || type !== WireType.LengthDelimited) return false
    readAll(outer.bytes(), (inner, field, type) => {
      if (field === REJECTED_SPANS && type === WireType.Varint) partial.rejected = Number(inner.int64())
      else if (field === ERROR_MESSAGE && type === WireType.LengthDelimited) partial.message = inner.string()
      else return false
      return true
    })
    return true
  })
  return partial
}
