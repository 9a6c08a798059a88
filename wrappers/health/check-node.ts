import type { HealthCheck } from '../../internal/nodes/health.ts'
import { addressOf, type Node, speaksHttp1, usesTls } from '../../internal/nodes/node.ts'
import { isOutOfFiles } from '../../internal/upstream-failure.ts'
import { openSocket, type SocketTarget } from '../transport/open-socket.ts'
import { healthRequest, readHealth } from './grpc-health.ts'
import { requestOverHttp2 } from './http2-request.ts'

// As in routes/public/http1/server.ts: an import statement would also load the client behind fetch.
const { request: httpRequest } = process.getBuiltinModule('node:http')

export interface CheckOptions extends Pick<SocketTarget, 'names' | 'allows' | 'tls'> {
  readonly node: Node
  readonly check: HealthCheck
}

/** The result of a check. */
export interface CheckResult {
  readonly passed: boolean
  /** Human-readable: `status 503`, `no connection: connect ECONNREFUSED`. */
  readonly reason: string
  /** Whether the node accepts connections and does not answer. */
  readonly isHung: boolean
  /** Whether the check says nothing about the node, because this process had no file descriptor for a connection. */
  readonly isVoid?: boolean
}

/**
 * Checks a node once, on a connection of its own and in the protocol that the node speaks. `done` is called once, after this function has returned.
 *
 * @returns a function that cancels the check; `done` is then not called
 */
export function checkNode(
  { node, check, tls, names, allows }: CheckOptions,
  done: (result: CheckResult) => void,
): () => void {
  const { host, port } = node
  const { timeoutMs, path, grpc } = check
  let isOver = false
  let isConnected = false
  let cancelRequest = () => {}
  const stop = () => {
    isOver = true
    clearTimeout(timer)
    cancelRequest()
    socket.destroy()
  }
  const end = (result: CheckResult) => {
    if (isOver) return
    stop()
    done(result)
  }
  const timer = setTimeout(() => {
    end(failed(`no ${isConnected ? 'answer' : 'connection'} within ${timeoutMs} ms`, isConnected))
  }, timeoutMs).unref()
  const socket = openSocket({ host, port, timeoutMs, names, allows, tls }, error => {
    if (error) {
      const result = failed(`no connection: ${error.message}`)
      end(isOutOfFiles(error) ? { ...result, isVoid: true } : result)
    } else if (isOver) return
    else if (path === undefined && grpc === undefined)
      end({ passed: true, reason: 'connected', isHung: false })
    else {
      isConnected = true
      if (grpc !== undefined) call(grpc)
      else if (speaksHttp1(node)) cancelRequest = sendRequest(path!)
      else sendHttp2Request(path!)
    }
  })
  // Errors of a connection that is no longer needed are ignored.
  socket.on('error', () => {})

  const authority = check.host ?? addressOf(node)
  const scheme = usesTls(node) ? 'https' : 'http'

  function judge(status: number): void {
    const { statuses } = check
    const passed = statuses ? statuses.includes(status) : status >= 200 && status < 400
    end({ passed, reason: `status ${status}`, isHung: false })
  }

  function call(service: string): void {
    requestOverHttp2(socket, healthRequest(service, authority, timeoutMs, scheme), (error, answer) => {
      end(answer ? { ...readHealth(answer), isHung: false } : failed(`no answer: ${error!.message}`))
    })
  }

  function sendHttp2Request(path: string): void {
    const lines = [':method', 'GET', ':scheme', scheme, ':path', path, ':authority', authority, ...USER_AGENT]
    requestOverHttp2(socket, { lines }, (error, answer) => {
      if (answer) judge(answer.status)
      else end(failed(`no answer: ${error!.message}`))
    })
  }

  function sendRequest(path: string): () => void {
    const request = httpRequest({
      createConnection: () => socket,
      path,
      headers: [...['host', authority], ...USER_AGENT, ...['connection', 'close']],
    })
    request.on('error', error => end(failed(`no answer: ${error.message}`)))
    request.on('response', ({ statusCode = 0 }) => judge(statusCode))
    request.end()
    return () => void request.destroy()
  }

  return stop
}

const USER_AGENT = ['user-agent', 'waygate-health-check']

function failed(reason: string, isHung = false): CheckResult {
  return { passed: false, reason, isHung }
}
