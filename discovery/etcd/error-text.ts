const STATUS_PREFIX = /^\d+ [A-Z_]+: /
const GO_PREFIX = /^rpc error: code = \w+ desc = /
/** `ID:error:CODE:library:function:what:file:line:more`, as OpenSSL prints its errors. */
const OPENSSL_ERROR = /[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[^\n]*\n?/
const TIME = / *\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g
const EMPTY_NOTE = /\.? *Resolution note: *$/
const CLIENT_CERTIFICATE = /alert (?:bad certificate|certificate required|unknown ca)/

/** What went wrong in etcd's words, without those of gRPC. */
export function plainReason(message: string): string {
  return message
    .replace(STATUS_PREFIX, '')
    .replace(GO_PREFIX, '')
    .replace(/^etcdserver: /, '')
}

/** Why there is no connection, as gRPC says it, without what people have no use for. */
export function connectionReason(message: string): string {
  const reason = message.replace(OPENSSL_ERROR, '$1').replace(TIME, '').replace(EMPTY_NOTE, '').trim()
  return CLIENT_CERTIFICATE.test(reason)
    ? `${reason} (etcd wants a client certificate of an authority it trusts)`
    : reason
}
