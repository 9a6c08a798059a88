import { buildConnector } from 'undici'

/** Set on an error that broke a socket which had carried answers before. */
const REUSED = Symbol('broke a reused connection')

/**
 * undici's own connector, whose sockets note on their errors whether they had been used before: that is
 * what tells a kept connection closed by the node from a node that refuses to answer.
 */
export function createConnector(connectTimeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: connectTimeoutMs, allowH2: false })
  return (options, done) =>
    connect(options, (...result) => {
      const socket = result[1]
      socket?.prependListener('error', (error: Error & { [REUSED]?: boolean }) => {
        error[REUSED] = socket.bytesRead > 0
      })
      done(...result)
    })
}

/** Whether an error of a request came from a connection that had carried answers before. */
export function brokeReusedConnection(error: unknown): boolean {
  const { [REUSED]: noted, socket } = error as { [REUSED]?: boolean; socket?: { bytesRead?: number } }
  return noted ?? (socket?.bytesRead ?? 0) > 0
}
