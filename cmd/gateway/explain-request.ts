import { EventEmitter } from 'node:events'
import { isIP } from 'node:net'
import { grpcDialectOf } from '../../internal/grpc/content-type.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { CLIENT_TLS, type ClientTls } from '../../internal/http/client-tls.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { BodyReader } from '../../internal/policy.ts'
import type { createOpenExchange } from '../../middleware/request/open-exchange.ts'
import type { ExplainQuestion } from '../../routes/admin/explain.ts'

const ABSOLUTE_URL = /^(https?):\/\/(?:[^/?#@]*@)?([^/?#]*)(.*)$/is

/** Returns the version of HTTP that a client would speak: gRPC needs HTTP/2. */
export function httpVersionOf({ headers }: ExplainQuestion): 1 | 2 {
  return grpcDialectOf(getHeader(headers, 'content-type') ?? '') === 'grpc' ? 2 : 1
}

/** Returns the arguments with which a listener would open the exchange. */
export function toRequest(
  { method, url, headers, client }: ExplainQuestion,
  httpVersion: 1 | 2,
): Parameters<ReturnType<typeof createOpenExchange>> {
  // What a browser would make of the path is not what was asked about.
  const [, protocol, host, path] = ABSOLUTE_URL.exec(url) ?? []
  const target = (path ?? url).replace(/#.*/s, '')
  const hasHost = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
  const lines = hasHost ? headers : ['host', host ?? 'localhost', ...headers]
  const upgrade = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'upgrade')
  const isWebSocket = upgrade !== -1 && headers[upgrade + 1]!.toLowerCase() === 'websocket'
  const socket = {
    remoteAddress: isIP(client) === 0 ? undefined : client,
    ...(protocol?.toLowerCase() === 'https' && { [CLIENT_TLS]: SOME_TLS }),
  }
  const request = {
    ...{ method, url: target === '' || target.startsWith('?') ? `/${target}` : target, socket },
    ...{
      rawHeaders: lines,
      rawTrailers: [],
      httpVersionMajor: httpVersion,
      httpVersionMinor: httpVersion === 1 ? 1 : 0,
    },
  }
  return [request, new EventEmitter() as unknown as ClientResponse, 'none', isWebSocket]
}

/** Returns how large the head of a request is, to within a few bytes. Its lines have a colon, a space and an end as well. */
export function headBytesOf({ url, headers }: ExplainQuestion): number {
  return headers.reduce((sum, text) => sum + text.length + 2, url.length)
}

/** The TLS of a client without a certificate, whose server name is that of its request. */
const SOME_TLS: ClientTls = {
  version: 'TLSv1.3',
  isHttp2: false,
  certificate: undefined,
  hsts: undefined,
  refusalOf: () => undefined,
}

/** Of a request that nobody sends, there is no body. */
export const NO_BODIES: BodyReader = {
  open: () => {
    throw new TypeError('there is no body to read')
  },
  discard: () => {},
}
