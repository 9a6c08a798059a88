import { EtcdError } from './errors.ts'

/**
 * Reads a value of a request in JSON into the form that protobuf is encoded from.
 *
 * @param place names the value in the message
 * @throws EtcdError INVALID_ARGUMENT with the place and what the value must be
 */
export type ReadJson = (value: unknown, place: string) => unknown

type Fields = Readonly<Record<string, ReadJson>>

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const INTEGER = /^-?\d{1,19}$/

/** Keys and values are base64 with its padding, since JSON has no bytes. */
const bytes: ReadJson = (value, place) => {
  if (typeof value === 'string' && BASE64.test(value)) return Buffer.from(value, 'base64')
  throw wrong(place, 'base64')
}

/** A number of 64 bits, which may be a string, since many readers of JSON know no larger numbers than 2^53. */
const int64: ReadJson = (value, place) => {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : ''
  if (INTEGER.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return text
  throw wrong(place, 'an integer of 64 bits')
}

const bool: ReadJson = (value, place) => {
  if (typeof value === 'boolean') return value
  throw wrong(place, 'true or false')
}

const text: ReadJson = (value, place) => {
  if (typeof value === 'string') return value
  throw wrong(place, 'a string')
}

/** One of some names, or its number. */
function oneOf(...names: readonly string[]): ReadJson {
  return (value, place) => {
    const number = typeof value === 'string' ? names.indexOf(value) : value
    if (typeof number === 'number' && names[number] !== undefined) return number
    throw wrong(place, `one of ${names.join(', ')}`)
  }
}

function listOf(read: ReadJson): ReadJson {
  return (value, place) => {
    if (!Array.isArray(value)) throw wrong(place, 'a list')
    return value.map((item, i) => read(item, `${place}[${i}]`))
  }
}

/** A message. Its fields have the names of the protocol, or these in camelCase. Unknown ones are ignored, as etcd does. */
function message(fields: Fields | (() => Fields)): ReadJson {
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(place, 'an object')
    const given = value as Readonly<Record<string, unknown>>
    const read: Record<string, unknown> = {}
    for (const [name, readField] of Object.entries(typeof fields === 'function' ? fields() : fields)) {
      const field = [name, camelCase(name)].find(each => Object.hasOwn(given, each) && given[each] !== null)
      if (field !== undefined)
        read[name] = readField(given[field], place === '' ? field : `${place}.${field}`)
    }
    return read
  }
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

function wrong(place: string, wanted: string): EtcdError {
  return new EtcdError('INVALID_ARGUMENT', `${place === '' ? 'the body' : place} must be ${wanted}`)
}

const RANGE: Fields = {
  key: bytes,
  range_end: bytes,
  limit: int64,
  revision: int64,
  sort_order: oneOf('NONE', 'ASCEND', 'DESCEND'),
  sort_target: oneOf('KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'),
  serializable: bool,
  keys_only: bool,
  count_only: bool,
  min_mod_revision: int64,
  max_mod_revision: int64,
  min_create_revision: int64,
  max_create_revision: int64,
}

const PUT: Fields = {
  key: bytes,
  value: bytes,
  lease: int64,
  prev_kv: bool,
  ignore_value: bool,
  ignore_lease: bool,
}

const DELETE_RANGE: Fields = { key: bytes, range_end: bytes, prev_kv: bool }

const COMPARE: Fields = {
  result: oneOf('EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'),
  target: oneOf('VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'),
  key: bytes,
  range_end: bytes,
  version: int64,
  create_revision: int64,
  mod_revision: int64,
  value: bytes,
  lease: int64,
}

const OPERATION: Fields = {
  request_range: message(RANGE),
  request_put: message(PUT),
  request_delete_range: message(DELETE_RANGE),
  request_txn: message(() => TXN),
}

const TXN: Fields = {
  compare: listOf(message(COMPARE)),
  success: listOf(message(OPERATION)),
  failure: listOf(message(OPERATION)),
}

const CREATE_WATCH: Fields = {
  key: bytes,
  range_end: bytes,
  start_revision: int64,
  progress_notify: bool,
  filters: listOf(oneOf('NOPUT', 'NODELETE')),
  prev_kv: bool,
  watch_id: int64,
  fragment: bool,
}

const WATCH: Fields = {
  create_request: message(CREATE_WATCH),
  cancel_request: message({ watch_id: int64 }),
  progress_request: message({}),
}

/** The requests of etcd's services, as they are in JSON, by the name of their message. */
export const SHAPES = {
  RangeRequest: message(RANGE),
  PutRequest: message(PUT),
  DeleteRangeRequest: message(DELETE_RANGE),
  TxnRequest: message(TXN),
  CompactionRequest: message({ revision: int64, physical: bool }),
  WatchRequest: message(WATCH),
  LeaseGrantRequest: message({ TTL: int64, ID: int64 }),
  LeaseRevokeRequest: message({ ID: int64 }),
  LeaseKeepAliveRequest: message({ ID: int64 }),
  LeaseTimeToLiveRequest: message({ ID: int64, keys: bool }),
  AuthenticateRequest: message({ name: text, password: text }),
  /** A request without fields that matter. */
  Empty: message({}),
} satisfies Readonly<Record<string, ReadJson>>
