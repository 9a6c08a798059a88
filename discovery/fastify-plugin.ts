import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { advertisedAddress } from './advertised-address.ts'
import { register, type ServiceOptions } from './register.ts'
import type { Registration } from './registry.ts'

export interface WaygatePluginOptions extends Omit<ServiceOptions, 'signal' | 'protocol'> {
  /** Default: what the server was created for, such as `http`, or `h2c` for `Fastify({ http2: true })`. */
  readonly protocol?: string | undefined
  /**
   * The `host` or `host:port` at which gateways reach this service. Default: WAYGATE_ADVERTISE, or else the
   * address that the server is bound to. A server bound to every address advertises the machine's first
   * address that is not loopback.
   */
  readonly advertise?: string | undefined
  /**
   * How long the server keeps serving after it has left etcd, so that every gateway can notice. Default 500.
   */
  readonly drainMs?: number | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Added by the `waygate/fastify` plugin. */
    waygate: {
      /** Resolves when etcd has this service's node. Rejects when the server closes before that. */
      readonly registration: Promise<Registration>
    }
  }
}

const DEFAULT_DRAIN_MS = 500

/**
 * Registers a Fastify server as a node of a service once it listens, at the address that it really has. When
 * the server closes, it first leaves etcd, then keeps serving for `drainMs` with `Connection: close`, and
 * only then stops. Listening does not wait for etcd.
 */
export const waygate = fastifyPlugin(
  async function waygate(fastify: FastifyInstance, options: WaygatePluginOptions): Promise<void> {
    const { advertise = process.env.WAYGATE_ADVERTISE, drainMs = DEFAULT_DRAIN_MS, ...service } = options
    const registration = Promise.withResolvers<Registration>()
    // A program that does not use the promise must not crash when it rejects.
    registration.promise.catch(() => {})
    fastify.decorate('waygate', { registration: registration.promise })

    // Otherwise a connection whose request outlasts the drain stays open until its idle timeout, 72 s in
    // Fastify.
    let isLeaving = false
    fastify.addHook('onSend', (request, reply, payload, done) => {
      if (isLeaving && request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
      done(null, payload)
    })

    // Has no effect on a server that has listened: its promise was settled before.
    fastify.addHook('onClose', async () => {
      registration.reject(new Error('the server was closed before it listened'))
    })

    fastify.addHook('onListen', async () => {
      const leaving = new AbortController()
      const registered = (async () => {
        const address = advertisedAddress(fastify.addresses().filter(isTcp), advertise)
        const { logger = fastify.log, protocol = spokenBy(fastify) } = service
        return register({ ...service, ...address, logger, protocol, signal: leaving.signal })
      })()
      registered.then(registration.resolve, registration.reject)
      registered.catch(error => {
        if (!leaving.signal.aborted) fastify.log.error({ err: error }, 'registering the service failed')
      })

      onFirstClose(fastify, async () => {
        isLeaving = true
        leaving.abort()
        const present = await registered.catch(() => undefined)
        if (!present) return
        await present.unregister()
        await delay(drainMs)
      })
    })
  },
  { name: 'waygate', fastify: '5.x' },
)

function spokenBy({ initialConfig: { http2, https } }: FastifyInstance): string {
  if (https) return http2 ? 'h2' : 'https'
  return http2 ? 'h2c' : 'http'
}

function isTcp(address: AddressInfo | string): address is AddressInfo {
  return typeof address === 'object'
}

/**
 * Runs `leave` before any part of the server closes. Fastify answers new requests with 503 even before its
 * preClose hooks run, so those hooks are too late for a drain. Fastify closes through a stack, and a handler
 * added once the server listens lies above Fastify's own.
 */
function onFirstClose(fastify: FastifyInstance, leave: () => Promise<void>): void {
  const { onClose } = fastify as FastifyInstance & { onClose(run: () => Promise<void>): void }
  onClose.call(fastify, leave)
}
