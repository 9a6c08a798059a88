/** node:http with undici's `dispatch`, and nothing else: a lower bound for a gateway without features. */
import type { ServerResponse } from 'node:http'
import type { DispatchController, DispatchHandler } from 'undici'
import { serveByUndici } from './undici-server.ts'

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

serveByUndici(response => new PassThrough(response))
