import { type Authority, type CertificateFiles, type Issued, makeAuthority } from './certificates.ts'
import { type GrpcNode, startGrpcNode } from './grpc-node.ts'
import { namingValue } from './naming.ts'
import { openRegistry } from './registry.ts'
import { type Handler, type Service, startService } from './service.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

export interface TlsGatewayOptions {
  /** Issues the certificate. Default: a new one, whose folder goes with the gateway. */
  readonly authority?: Authority
  /** Of the certificate, whose names are `localhost` and 127.0.0.1. */
  readonly issued?: Pick<Issued, 'kind' | 'days'>
  /** Whether clients need a certificate of the authority. Default false. */
  readonly asksClients?: boolean
  /** Added to the section `tls`. */
  readonly tls?: object
  /** Added to the configuration. */
  readonly config?: object
  readonly args?: readonly string[]
  /** Whether the service `task` has a node that serves `echo.proto`. Default false. */
  readonly isGrpc?: boolean
}

/** A gateway in a process of its own with a port for TLS, in front of a node. The caller uses `await using`. */
export interface TlsGateway extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly authority: Authority
  readonly certificate: CertificateFiles
  /** The port for TLS. */
  readonly port: number
  /** Such as `https://localhost:40123`. */
  readonly url: string
  /** The node of the service `echo`, which {@link answerClients}. */
  readonly node: Service
  /** Returns how many handshakes there were so far. */
  handshakes(): Promise<Handshakes>
}

export interface Handshakes {
  readonly full: number
  readonly resumed: number
}

/** Three server-sent events, of which the last one is `data: 3`. */
const EVENTS = [1, 2, 3].map(n => `data: ${n}\n\n`)

/** Sends back the body of a POST, server-sent events for `/events`, and otherwise `hello`. */
export const answerClients: Handler = (request, response) => {
  if (request.method === 'POST') {
    response.setHeader('content-type', 'text/plain')
    request.pipe(response)
    return
  }
  request.resume()
  if (request.url !== '/events') {
    response.setHeader('content-type', 'text/plain')
    response.end('hello')
    return
  }
  response.setHeader('content-type', 'text/event-stream')
  const events = [...EVENTS]
  const send = () => {
    const event = events.shift()
    if (event === undefined) response.end()
    else response.write(event, () => setTimeout(send, 50))
  }
  send()
}

/** Starts a gateway whose certificate is for `localhost`. */
export async function startTlsGateway(options: TlsGatewayOptions = {}): Promise<TlsGateway> {
  const { issued = {}, asksClients = false, tls, config, args = [], isGrpc = false } = options
  await using starting = new AsyncDisposableStack()
  const authority =
    options.authority ?? makeAuthority({ after: remove => starting.defer(remove as () => void) })
  const name = `localhost-${Math.random().toString(36).slice(2)}`
  const certificate = authority.issue(name, {
    ...{ names: 'DNS:localhost,IP:127.0.0.1', subject: '/CN=localhost' },
    ...issued,
  })
  const node = starting.use(await startService('echo', answerClients))
  const grpcNode: GrpcNode | undefined = isGrpc
    ? starting.use(await startGrpcNode('task', { reflection: true }))
    : undefined
  const gateway = starting.use(
    await startGateway({
      config: {
        ...config,
        tls: { ...certificate, port: 0, ...(asksClients && { clientAuth: { ca: authority.ca } }), ...tls },
      },
      args,
    }),
  )
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
  if (grpcNode) {
    await registry.put(`/services/task/127.0.0.1:${grpcNode.port}`, namingValue(grpcNode.port))
    await gateway.untilNodes('task', [`127.0.0.1:${grpcNode.port}`])
  }
  const listening = await gateway.logged('waygate is listening')
  const port = Number(new URL(String(listening.tls)).port)
  const stack = starting.move()
  return {
    ...{ gateway, authority, certificate, port, node },
    url: `https://localhost:${port}`,
    async handshakes() {
      const text = await (await fetch(`${gateway.admin}/metrics`)).text()
      const count = (resumed: boolean) =>
        Number(
          new RegExp(`^waygate_tls_handshakes_total\\{resumed="${resumed}"\\} (\\d+)`, 'm').exec(text)?.[1],
        )
      return { full: count(false), resumed: count(true) }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
