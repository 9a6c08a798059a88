/** How JSON becomes messages, and messages become JSON. */
export interface JsonOptions {
  /** What is done with a field of a body that the message does not have. */
  readonly unknownFields: 'reject' | 'ignore'
  /** What is done with a query parameter that is no field. */
  readonly unknownQuery: 'reject' | 'ignore'
  /** Whether answers have the fields that are not set, with their zero. */
  readonly emitDefaults: boolean
  /** What an answer has for a value of an enum. */
  readonly enums: 'name' | 'number'
  /** Whether the fields of answers are named in camelCase, or as in the .proto file. */
  readonly names: 'json' | 'proto'
  /** How a status that is not OK is told: as a problem document (RFC 9457), or as a `google.rpc.Status`. */
  readonly errors: 'problem' | 'google'
  /** How an answer of several messages is sent. */
  readonly stream: 'ndjson' | 'sse' | 'array'
}

/** Which methods are called at which paths: those of rules, those that follow from their names, or both. */
export type BindingChoice = 'annotated' | 'default' | 'all'
