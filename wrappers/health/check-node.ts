import type { Socket } from 'node:net'
import type { HealthCheck } from '../../internal/health.ts'
import { addressOf, type Node } from '../../internal/node.ts'
import { openSocket } from '../http1/open-socket.ts'

// As in routes/proxy.ts: an import statement would load the client behind fetch.
const { request: httpRequest } = process.getBuiltinModule('node:http')

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
export function checkNode(node: Node, check: HealthCheck, done: (result: CheckResult) => void): () => void {
  return check.path === undefined ? checkTcp(node, check, done) : checkHttp(node, check, check.path, done)
}

function checkTcp({ host, port }: Node, { timeoutMs }: HealthCheck, done: (result: CheckResult) => void) {
  let isOver = false
  const socket: Socket = openSocket({ host, port, timeoutMs }, error => {
    socket.on('error', () => {}).destroy()
    if (isOver) return
    isOver = true
    done(
      error
        ? failed(`no connection: ${error.message}`)
        : { passed: true, reason: 'connected', isHung: false },
    )
  })
  return () => {
    isOver = true
    socket.destroy()
  }
}

function checkHttp(
  node: Node,
  { timeoutMs, statuses, host }: HealthCheck,
  path: string,
  done: (result: CheckResult) => void,
): () => void {
  let isConnected = false
  let isOver = false
  const stop = () => {
    isOver = true
    clearTimeout(timer)
    request.destroy()
  }
  const end = (result: CheckResult) => {
    if (isOver) return
    stop()
    done(result)
  }
  const timer = setTimeout(() => {
    end(failed(`no ${isConnected ? 'answer' : 'connection'} within ${timeoutMs} ms`, isConnected))
  }, timeoutMs).unref()
  const request = httpRequest({
    host: node.host,
    port: node.port,
    path,
    agent: false,
    headers: { host: host ?? addressOf(node), 'user-agent': 'waygate-health-check', connection: 'close' },
  })
  request.on('socket', socket => {
    socket.once('connect', () => {
      isConnected = true
    })
  })
  request.on('error', error => {
    end(failed(isConnected ? `no answer: ${error.message}` : `no connection: ${error.message}`))
  })
  request.on('response', ({ statusCode = 0 }) => {
    const passed = statuses ? statuses.includes(statusCode) : statusCode >= 200 && statusCode < 400
    end({ passed, reason: `status ${statusCode}`, isHung: false })
  })
  request.end()
  return stop
}

function failed(reason: string, isHung = false): CheckResult {
  return { passed: false, reason, isHung }
}
