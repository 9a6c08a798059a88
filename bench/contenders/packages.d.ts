/**
 * Types of the compared packages, as far as they are used here. They are declared by hand so that type checks pass whether
 * or not the packages of the benchmark are installed.
 */

declare module 'fast-gateway' {
  import type { AddressInfo } from 'node:net'
  export default function gateway(options: { routes: { prefix: string; target: string }[] }): {
    start(port: number, host: string): Promise<{ address(): AddressInfo }>
  }
}

declare module 'http-proxy-3' {
  import type { Agent, IncomingMessage, ServerResponse } from 'node:http'

  interface ProxyServer {
    web(request: IncomingMessage, response: ServerResponse): void
    on(event: 'error', listener: (error: Error, request: unknown, response: ServerResponse) => void): void
  }
  const httpProxy: { createProxyServer(options: { target: string; agent: Agent }): ProxyServer }
  export default httpProxy
}

declare module 'express' {
  import type { Server } from 'node:http'
  export default function express(): {
    disable(setting: string): void
    use(handler: unknown): void
    listen(port: number, host: string, listening: () => void): Server
  }
}

declare module 'http-proxy-middleware' {
  import type { Agent } from 'node:http'
  export function createProxyMiddleware(options: { target: string; agent: Agent }): unknown
}

declare module '@platformatic/gateway' {
  export function create(
    root: string,
    config: object,
  ): Promise<{ start(options: { listen: boolean }): Promise<string>; getUrl(): string }>
}

declare module 'autocannon' {
  export default function autocannon(options: object): Promise<object>
}

declare module 'undici' {
  export interface DispatchController {
    readonly rawHeaders?: unknown
    pause(): void
    resume(): void
  }
  export interface DispatchHandler {
    onRequestStart(): void
    onResponseStart(controller: DispatchController, status: number): void
    onResponseData(controller: DispatchController, chunk: Buffer): void
    onResponseEnd(): void
    onResponseError(): void
  }
  export class Pool {
    constructor(origin: string, options: { allowH2: boolean })
    dispatch(
      request: { method: string; path: string; headers: readonly string[] },
      handler: DispatchHandler,
    ): void
  }
}
