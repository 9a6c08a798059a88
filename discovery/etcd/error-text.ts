const STATUS_PREFIX = /^\d+ [A-Z_]+: /
const GO_PREFIX = /^rpc error: code = \w+ desc = /
/** An error as OpenSSL prints it: `ID:error:CODE:library:function:what:file:line:more`. */
const OPENSSL_ERROR = /[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[^\n]*\n?/
const TIME = / *\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g
const EMPTY_NOTE = /\.? *Resolution note: *$/
const CLIENT_CERTIFICATE = /alert (?:bad certificate|certificate required|unknown ca)/

/** Returns etcd's error message without the prefixes that gRPC adds. */
export function plainReason(message: string): string {
  return message
    .replace(STATUS_PREFIX, '')
    .replace(GO_PREFIX, '')
    .replace(/^etcdserver: /, '')
}

/** Returns gRPC's reason for a failed connection without the parts that do not help people. */
export function connectionReason(message: string): string {
  const reason = message.replace(OPENSSL_ERROR, '$1').replace(TIME, '').replace(EMPTY_NOTE, '').trim()
  return CLIENT_CERTIFICATE.test(reason)
    ? `${reason} (etcd requires a client certificate from an authority it trusts)`
    : reason
}
