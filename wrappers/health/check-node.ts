import type { HealthCheck } from '../../internal/nodes/health.ts'
import { addressOf, type Node } from '../../internal/nodes/node.ts'
import { openSocket } from '../http1/open-socket.ts'

// As in routes/public/http1/server.ts: an import statement would load the client behind fetch.
const { request: httpRequest } = process.getBuiltinModule('node:http')

export interface CheckOptions {
  readonly node: Node
  readonly check: HealthCheck
  /** Whether a connection may be made to an IP address. Default: to all. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

/** What a check has shown. */
export interface CheckResult {
  readonly passed: boolean
  /** For people: `status 503`, `no connection: connect ECONNREFUSED`. */
  readonly reason: string
  /** Whether the node takes connections and says nothing. */
  readonly isHung: boolean
}

/**
 * Checks a node once, on a connection of the check's own. `done` is called once, never before this returns.
 *
 * @returns what ends the check; `done` is not called then
 */
export function checkNode(
  { node, check, allows }: CheckOptions,
  done: (result: CheckResult) => void,
): () => void {
  const { host, port } = node
  const { timeoutMs, path } = check
  let isOver = false
  let isConnected = false
  let stopAsking = () => {}
  const stop = () => {
    isOver = true
    clearTimeout(timer)
    stopAsking()
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
      stopAsking = ask(path)
    }
  })
  // What comes of a connection that is not needed any more concerns nobody.
  socket.on('error', () => {})

  function ask(path: string): () => void {
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
