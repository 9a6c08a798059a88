import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DispatchHandler, Pool } from 'undici'
import { announce, versionOf } from './announce.ts'

/** Starts node:http, which passes each request to undici's `dispatch` for the port in the first argument. */
export function serveByUndici(handlerOf: (response: ServerResponse) => DispatchHandler): void {
  const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { allowH2: false })
  const server = createServer((request, response) => {
    pool.dispatch(
      { method: request.method!, path: request.url!, headers: request.rawHeaders },
      handlerOf(response),
    )
  })
  server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port, versionOf('undici')))
}
