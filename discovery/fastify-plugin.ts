import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { advertisedAddress } from './advertised-address.ts'
import { register, type ServiceOptions } from './register.ts'
import type { Registration } from './registry.ts'

export interface WaygatePluginOptions extends Omit<ServiceOptions, 'signal'> {
  /**
   * `host` or `host:port` that gateways reach this service at; else WAYGATE_ADVERTISE, else the address it
   * is bound to, and when that is every address, the first of the machine that is not loopback.
   */
  readonly advertise?: string | undefined
  /** How long it serves on after it has left etcd, until every gateway knows. Default 500. */
  readonly drainMs?: number | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Set by `waygate/fastify`. */
    waygate: {
      /** Resolves when etcd has this service's node; rejects when the server closes before. */
      readonly registration: Promise<Registration>
    }
  }
}

const DEFAULT_DRAIN_MS = 500

/**
 * Registers a Fastify server as a node of a service: once it listens, at the address it really has. When it
 * closes, it first leaves etcd, then serves on for `drainMs` with `Connection: close`, and only then stops.
 * Listening does not wait for etcd.
 */
export const waygate = fastifyPlugin(
  async function waygate(fastify: FastifyInstance, options: WaygatePluginOptions): Promise<void> {
    const { advertise = process.env.WAYGATE_ADVERTISE, drainMs = DEFAULT_DRAIN_MS, ...service } = options
    const registration = Promise.withResolvers<Registration>()
    // Whoever does not ask for it must not crash over it.
    registration.promise.catch(() => {})
    fastify.decorate('waygate', { registration: registration.promise })

    // A connection whose request outlasts the drain would stay open until its idle timeout, 72 s in Fastify.
    let isLeaving = false
    fastify.addHook('onSend', (request, reply, payload, done) => {
      if (isLeaving && request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
      done(null, payload)
    })

    // Too late to matter to one that has listened.
    fastify.addHook('onClose', async () => {
      registration.reject(new Error('the server closed before it listened'))
    })

    fastify.addHook('onListen', async () => {
      const leaving = new AbortController()
      const registered = (async () => {
        const address = advertisedAddress(fastify.addresses().filter(isTcp), advertise)
        return register({ logger: fastify.log, ...service, ...address, signal: leaving.signal })
      })()
      registered.then(registration.resolve, registration.reject)
      registered.catch(error => {
        if (!leaving.signal.aborted) fastify.log.error({ err: error }, 'this service cannot be registered')
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

export default waygate

function isTcp(address: AddressInfo | string): address is AddressInfo {
  return typeof address === 'object'
}

/**
 * Runs `leave` before anything of the server closes. Fastify answers 503 to new requests from before its
 * preClose hooks on, so they are too late to serve through a drain. Closing goes through a stack, and what
 * is put there once the server listens lies above Fastify's own.
 */
function onFirstClose(fastify: FastifyInstance, leave: () => Promise<void>): void {
  const { onClose } = fastify as FastifyInstance & { onClose(run: () => Promise<void>): void }
  onClose.call(fastify, leave)
}
