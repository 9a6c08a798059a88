import type { JsonOptions } from '../../internal/grpc/json-options.ts'

export type StreamFormatName = JsonOptions['stream']

/** How clients of JSON get an answer of several messages. */
export interface StreamFormat {
  /** Undefined: the first message has it. */
  readonly contentType: string | undefined
  /** Returns what is sent for a message, whose JSON has no line break. */
  readonly message: (json: string, isFirst: boolean) => string
  /** Returns what is sent behind the last message. */
  readonly end: (hasMessages: boolean) => string
  /** Returns what is sent when the call fails after its first message; undefined = nothing. */
  readonly failure?: ((problem: string) => string) | undefined
  /** Whether an answer that failed ends like any other one. Otherwise it breaks off, so that it never looks whole. */
  readonly endsAfterFailure: boolean
  /** Sent after a time without a message. */
  readonly comment?: string | undefined
}

/** One message a line (https://github.com/ndjson/ndjson-spec). */
const NDJSON: StreamFormat = {
  contentType: 'application/x-ndjson',
  message: json => `${json}\n`,
  end: () => '',
  failure: problem => `{"@error":${problem}}\n`,
  endsAfterFailure: false,
}

/** Server-sent events. Browsers connect again when an answer breaks off, so a failure is an event of its own. */
const SSE: StreamFormat = {
  contentType: 'text/event-stream',
  message: json => `data: ${json}\n\n`,
  end: () => '',
  failure: problem => `event: error\ndata: ${problem}\n\n`,
  endsAfterFailure: true,
  comment: ':\n\n',
}

/** One JSON array. It stays open when the call fails. */
const ARRAY: StreamFormat = {
  contentType: 'application/json',
  message: (json, isFirst) => (isFirst ? `[${json}` : `,\n${json}`),
  end: hasMessages => (hasMessages ? ']' : '[]'),
  endsAfterFailure: false,
}

/** The parts of a body of any type, one behind the other. */
const RAW: StreamFormat = {
  contentType: undefined,
  message: () => '',
  end: () => '',
  endsAfterFailure: false,
}

export const STREAM_FORMATS: Readonly<Record<StreamFormatName | 'raw', StreamFormat>> = {
  ndjson: NDJSON,
  sse: SSE,
  array: ARRAY,
  raw: RAW,
}
