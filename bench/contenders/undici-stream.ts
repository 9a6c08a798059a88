/** node:http with undici's `dispatch`, which streams answers of any length with backpressure and does nothing else. */
import type { ServerResponse } from 'node:http'
import type { DispatchController, DispatchHandler } from 'undici'
import { serveByUndici } from './undici-server.ts'

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

serveByUndici(response => new Streaming(response))
