/** node:http in front of undici's `dispatch`, streaming answers of any length with backpressure, and nothing else. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DispatchController, type DispatchHandler, Pool } from 'undici'
import { announce, versionOf } from './announce.ts'

class Streaming implements DispatchHandler {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {}

  onResponseStart(controller: DispatchController, status: number): void {
    this.#response.writeHead(
      status,
      (controller.rawHeaders as Buffer[]).map(part => part.toString('latin1')),
    )
    this.#response.on('drain', () => controller.resume())
  }

  onResponseData(controller: DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(): void {
    this.#response.destroy()
  }
}

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { allowH2: false })
const server = createServer((request, response) => {
  pool.dispatch(
    { method: request.method!, path: request.url!, headers: request.rawHeaders },
    new Streaming(response),
  )
})
server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port, versionOf('undici')))
