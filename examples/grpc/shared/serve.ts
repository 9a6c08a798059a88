import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import type { Environment } from '../../shared/environment.ts'
import { keepNamed } from './naming.ts'
import type { GrpcService } from './server.ts'

/** How long the server goes on after it has left etcd, so that every gateway can notice. */
const DRAIN_MS = 500
/** `disconnect`: the demo that started this process has ended, perhaps without a chance to say so. */
const ENDS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'] as const

/**
 * Listens, registers in etcd, and goes on until it is told to end. Then it leaves etcd, answers the calls in flight, and
 * closes.
 *
 * @param name the service in etcd
 */
export async function serve(name: string, service: GrpcService, environment: Environment): Promise<void> {
  const { host, logLevel, weight } = environment
  const { WAYGATE_ETCD = 'http://127.0.0.1:2379', WAYGATE_SERVICES_PREFIX = '/services/' } = process.env
  const logger = pino({ level: logLevel })
  const port = await service.listen(host, environment.port)
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  logger.info(`listening on ${address}`)

  const leaving = new AbortController()
  function leave(): void {
    // A second signal has no listener, so it ends the process at once.
    for (const end of ENDS) process.off(end, leave)
    leaving.abort()
  }
  for (const end of ENDS) process.on(end, leave)
  const naming = { etcd: WAYGATE_ETCD.split(','), prefix: WAYGATE_SERVICES_PREFIX, ttlSeconds: 10 }
  await keepNamed({ ...naming, service: name, address, weight, logger }, leaving.signal)
  await delay(DRAIN_MS)
  await service.close()
}
