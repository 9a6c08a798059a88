import type { Socket } from 'node:net'
import { type ServiceDefinition, status } from '@grpc/grpc-js'
import { createForeignCheck, type Foreignness } from '../../internal/http/foreign-requests.ts'
import { type EtcdServiceName, type Stream, toStatus } from './grpc.ts'
import {
  type Failure,
  failureStatusOf,
  writeAnswer,
  writeFailure,
  writeStreamFailure,
} from './json-answers.ts'
import { JSON_CALLS, type JsonCall } from './json-calls.ts'
import { JsonDocuments, parseRequest, tooLong } from './json-documents.ts'
import { createJsonStream } from './json-stream.ts'
import { VERSION } from './member-services.ts'

const { createServer, IncomingMessage, ServerResponse, STATUS_CODES } = process.getBuiltinModule('node:http')

type Request = InstanceType<typeof IncomingMessage>
type Response = InstanceType<typeof ServerResponse>
type Headers = Readonly<Record<string, string>>

/** A larger body is refused. That of gRPC messages is the same. */
const MAX_BODY_BYTES = 8 << 20
/** A connection on which nothing happens for so long is closed, unless an answer is streamed on it. */
const IDLE_MS = 60_000
const PREFIX = '/v3/'

export interface JsonGatewayOptions {
  readonly services: Readonly<Record<EtcdServiceName, ServiceDefinition>>
  /** What answers the methods of each service. */
  readonly handlers: Readonly<Record<EtcdServiceName, object>>
}

/** The services of etcd for clients of HTTP/1.1. */
export interface JsonGateway {
  /** Serves a connection, of which nothing has been read. */
  accept(socket: Socket): void
}

/**
 * Creates etcd's gateway for JSON, which lets curl, shells and PHP call the services. A request is a POST with the fields of
 * a message of gRPC. The streams `watch` and `lease/keepalive` take JSON documents one after the other, and answer with a
 * line for each message. The caller ends the connections.
 *
 * It has no users, so it refuses what a web page of somebody else may have sent: every browser on this machine can reach it.
 *
 * @see https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
 */
export function createJsonGateway({ services, handlers }: JsonGatewayOptions): JsonGateway {
  const findForeign = createForeignCheck()
  const server = createServer((request, response) => {
    const foreign = findForeign(request.headers)
    if (foreign !== undefined) return fail(response, refusalOf(foreign))
    const path = (request.url ?? '').replace(/\?.*$/s, '')
    const fixed = FIXED.get(path)
    if (fixed !== undefined)
      return request.method === 'GET' ? send(response, fixed) : wrongMethod(response, 'GET')
    const call = path.startsWith(PREFIX) ? JSON_CALLS.get(path.slice(PREFIX.length)) : undefined
    if (call === undefined) return fail(response, { code: status.NOT_FOUND, details: 'Not Found' })
    if (request.method !== 'POST') return wrongMethod(response, 'POST')
    if (call.isStream) return stream(call, request, response)
    readBody(request, body => {
      try {
        unary(call, body(), response)
      } catch (error) {
        fail(response, toStatus(error))
      }
    })
  })
  server.timeout = IDLE_MS
  return {
    accept(socket) {
      server.emit('connection', socket)
      // It was paused while nobody knew who would read it.
      socket.resume()
    },
  }

  function unary(call: JsonCall, body: string, response: Response): void {
    const handler = handlerOf(call) as (
      call: { readonly request: object },
      answer: (failure: Failure | null, message?: object) => void,
    ) => void
    handler({ request: readMessage(call, body.trim() === '' ? '{}' : body) }, (failure, message) => {
      if (failure) return fail(response, failure)
      let json: string
      try {
        json = shownMessage(call, message!)
      } catch (error) {
        // It is longer than a string can be. The store that answers must not hear of it.
        return fail(response, toStatus(error))
      }
      send(response, json)
    })
  }

  function stream(call: JsonCall, request: Request, response: Response): void {
    const documents = new JsonDocuments(MAX_BODY_BYTES)
    request.setTimeout(0)
    const start = () => {
      if (!response.headersSent) response.writeHead(200, JSON_HEAD)
    }
    const messages = createJsonStream({
      send(message, sent) {
        const json = shownMessage(call, message)
        start()
        response.write(`{"result":${json}}\n`, () => sent())
      },
      end() {
        start()
        response.end()
      },
      wantMore: () => request.resume(),
    })
    messages.on('error', (error: Error | Failure) => {
      const failure = 'code' in error ? (error as Failure) : toStatus(error)
      if (!response.headersSent) fail(response, failure)
      else response.end(writeStreamFailure(failure, STATUS_CODES[failureStatusOf(failure)]!))
      messages.destroy()
    })
    const orFail = (work: () => void) => {
      try {
        if (!messages.destroyed) work()
      } catch (error) {
        messages.emit('error', toStatus(error))
      }
    }
    response.once('close', () => messages.destroy())
    // What is left of a body that was paused would be taken for the next request.
    messages.once('close', () => request.resume())
    const handler = handlerOf(call) as (call: Stream<object, object>) => void
    handler(messages as unknown as Stream<object, object>)
    request.on('data', (bytes: Buffer) =>
      orFail(() => {
        for (const text of documents.add(bytes)) {
          // The pieces of a body are small, so all that is in one is pushed.
          if (!messages.push(readMessage(call, text))) request.pause()
        }
      }),
    )
    request.on('end', () =>
      orFail(() => {
        documents.end()
        messages.push(null)
      }),
    )
  }

  function handlerOf({ service, method }: JsonCall): unknown {
    return (handlers[service] as Readonly<Record<string, unknown>>)[method]
  }

  /** Returns the message as gRPC would have received it, so that the services notice no difference. */
  function readMessage({ service, method, read }: JsonCall, text: string): object {
    const definition = services[service][method]!
    return definition.requestDeserialize(definition.requestSerialize(read(parseRequest(text), '')))
  }

  function shownMessage({ service, method }: JsonCall, message: object): string {
    const definition = services[service][method]!
    return writeAnswer(definition.responseDeserialize(definition.responseSerialize(message)))
  }
}

const JSON_HEAD = { 'content-type': 'application/json' }

/** What probes and clients ask first. The versions are those of the protocol. */
const FIXED: ReadonlyMap<string, string> = new Map([
  ['/health', JSON.stringify({ health: 'true', reason: '' })],
  ['/version', JSON.stringify({ etcdserver: VERSION, etcdcluster: VERSION.replace(/\+.*/, '') })],
])

function send(response: Response, json: string, httpStatus = 200, headers: Headers = {}): void {
  const length = { 'content-length': Buffer.byteLength(json) }
  response.writeHead(httpStatus, { ...JSON_HEAD, ...length, ...headers }).end(json)
}

function fail(
  response: Response,
  failure: Failure,
  httpStatus = failureStatusOf(failure),
  headers: Headers = {},
) {
  // The rest of a body that nobody reads would be taken for the next request.
  const close = response.req.complete ? {} : { connection: 'close' }
  send(response, writeFailure(failure), httpStatus, { ...headers, ...close })
}

function wrongMethod(response: Response, allow: string): void {
  fail(response, { code: status.UNIMPLEMENTED, details: 'Method Not Allowed' }, 405, { allow })
}

function refusalOf(why: Foreignness): Failure {
  const details =
    why === 'host'
      ? 'the embedded etcd is not known by the name in Host: use an IP address or localhost'
      : `requests of web pages are refused (${why === 'site' ? 'Sec-Fetch-Site' : 'Origin'})`
  return { code: status.PERMISSION_DENIED, details }
}

/** Reads a body. `done` gets a function that returns it, and throws EtcdError when it is too long. */
function readBody(request: Request, done: (body: () => string) => void): void {
  const pieces: Buffer[] = []
  let size = 0
  request.on('data', (piece: Buffer) => {
    size += piece.length
    if (size <= MAX_BODY_BYTES) pieces.push(piece)
    else if (size - piece.length <= MAX_BODY_BYTES) {
      pieces.length = 0
      done(() => {
        throw tooLong()
      })
    }
  })
  request.once('end', () => {
    if (size <= MAX_BODY_BYTES) done(() => Buffer.concat(pieces).toString())
  })
}
