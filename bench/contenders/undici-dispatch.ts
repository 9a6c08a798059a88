/** node:http in front of undici's `dispatch`, and nothing else: what is left when every feature is gone. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DispatchController, type DispatchHandler, Pool } from 'undici'
import { announce, versionOf } from './announce.ts'

class PassThrough implements DispatchHandler {
  readonly #response: ServerResponse
  readonly #chunks: Buffer[] = []
  #status = 0
  #headers: string[] = []

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {}

  onResponseStart(controller: DispatchController, status: number): void {
    this.#status = status
    this.#headers = (controller.rawHeaders as Buffer[]).map(part => part.toString('latin1'))
  }

  onResponseData(_controller: DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#response.writeHead(this.#status, this.#headers)
    this.#response.end(Buffer.concat(this.#chunks).toString('latin1'), 'latin1')
  }

  onResponseError(): void {
    this.#response.destroy()
  }
}

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { allowH2: false })
const server = createServer((request, response) => {
  pool.dispatch(
    { method: request.method!, path: request.url!, headers: request.rawHeaders },
    new PassThrough(response),
  )
})
server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port, versionOf('undici')))
