import type { HealthCheck } from '../../internal/nodes/health.ts'
import { addressOf, type Node } from '../../internal/nodes/node.ts'
import { openSocket } from '../http1/open-socket.ts'

// As in routes/public/http1/server.ts: an import statement would also load the client behind fetch.
const { request: httpRequest } = process.getBuiltinModule('node:http')

export interface CheckOptions {
  readonly node: Node
  readonly check: HealthCheck
  /** Whether a connection may be made to an IP address. Default: to all. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

/** The result of a check. */
export interface CheckResult {
  readonly passed: boolean
  /** Human-readable: `status 503`, `no connection: connect ECONNREFUSED`. */
  readonly reason: string
  /** Whether the node accepts connections and does not answer. */
  readonly isHung: boolean
}

/**
 * Checks a node once, on a connection of its own. `done` is called once, after this function has returned.
 *
 * @returns a function that cancels the check; `done` is then not called
 */
export function checkNode(
  { node, check, allows }: CheckOptions,
  done: (result: CheckResult) => void,
): () => void {
  const { host, port } = node
  const { timeoutMs, path } = check
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
  const socket = openSocket({ host, port, timeoutMs, allows }, error => {
    if (error) end(failed(`no connection: ${error.message}`))
    else if (isOver) return
    else if (path === undefined) end({ passed: true, reason: 'connected', isHung: false })
    else {
      isConnected = true
      cancelRequest = sendRequest(path)
    }
  })
  // Errors of a connection that is no longer needed are ignored.
  socket.on('error', () => {})

  function sendRequest(path: string): () => void {
    const { statuses, host = addressOf(node) } = check
    const request = httpRequest({
      createConnection: () => socket,
      path,
      headers: { host, 'user-agent': 'waygate-health-check', connection: 'close' },
    })
    request.on('error', error => end(failed(`no answer: ${error.message}`)))
    request.on('response', ({ statusCode = 0 }) => {
      const passed = statuses ? statuses.includes(statusCode) : statusCode >= 200 && statusCode < 400
      end({ passed, reason: `status ${statusCode}`, isHung: false })
    })
    request.end()
    return () => void request.destroy()
  }

  return stop
}

function failed(reason: string, isHung = false): CheckResult {
  return { passed: false, reason, isHung }
}
