import type { JsonOptions } from '../../internal/grpc/json-options.ts'

/** The defaults of the configuration. */
export const JSON_OPTIONS: JsonOptions = {
  unknownFields: 'reject',
  unknownQuery: 'reject',
  emitDefaults: false,
  enums: 'name',
  names: 'json',
  errors: 'problem',
  stream: 'ndjson',
}
