import { flushCompileCache } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { register } from '../../discovery/register.ts'
import type { Registration } from '../../discovery/registry.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { RegisterCommand } from '../cli/command.ts'
import { logUnusedSignals, onHangup, untilSignal } from '../cli/signals.ts'
import { collectStartupLater } from '../gateway/heap.ts'
import { etcdClientOptions } from '../gateway/registry.ts'
import { AddressTakenError, type Child, startChild, untilAccepting, untilFree } from './child.ts'
import { adopt, findLeftBehind, markOf } from './left-behind.ts'

/** How long a command keeps serving after its node was unregistered, until every gateway knows. */
const DRAIN_MS = 500
/** How long a process that is ending may keep the address. */
const FREE_WITHIN_MS = 3_000
/** How long a command that an earlier sidecar has left behind may take until it accepts connections. */
const ACCEPTING_WITHIN_MS = 3_000
/** How long a command may take to end after SIGTERM before it is killed. */
const STOP_GRACE_MS = 10_000

/**
 * Runs `waygate register`, the sidecar: keeps one node registered in etcd. With a command, runs it and keeps the node
 * registered for as long as the command runs. Resolves with the command's exit code, or 0. Ends on SIGTERM, and on SIGHUP,
 * unless it was started with nohup. A command that a killed sidecar has left behind can be adopted.
 *
 * Logs go to stderr, since stdout belongs to the command.
 */
export async function runRegister(options: RegisterCommand): Promise<number> {
  const { config, keys } = loadCommandConfig(options)
  const stderr = pino.destination({ dest: 2, sync: true })
  // Once a terminal is closed, every write to it fails. The node must be unregistered nevertheless.
  stderr.on('error', () => {})
  const logger = pino({ level: config.logLevel }, stderr)
  const leaving = new AbortController()
  onHangup()
  logUnusedSignals(logger)
  const signalled = untilSignal().then(() => leaving.abort())
  const child = await runCommand()
  if (!child && leaving.signal.aborted) return 0
  const ended = child ? Promise.race([signalled, child.exited.then(() => leaving.abort())]) : signalled

  const registration = keepRegistered()
  collectStartupLater(() => false)
  // One that fails ends the sidecar as every other error does, also when there is no command whose end is waited for.
  await Promise.race([ended, registration.then(() => ended)])
  await (await registration)?.unregister()
  if (!child) return 0
  if (!child.hasExited()) await delay(DRAIN_MS)
  return child.stop(STOP_GRACE_MS)

  /** Resolves with undefined when there is no command, or when it is too late to start it. */
  async function runCommand(): Promise<Child | undefined> {
    if (!options.child) return undefined
    const leftBehind = options.adopt ? findLeftBehind(options) : undefined
    if (leftBehind !== undefined) {
      if (await isAccepting()) {
        logger.warn({ pid: leftBehind }, 'command of an earlier sidecar adopted')
        return adopt(leftBehind)
      }
      logger.warn({ pid: leftBehind }, 'command of an earlier sidecar not adopted; it accepts no connections')
    }
    // Another process on the address would be mistaken for the command, and its node would be taken over.
    const isFree = await untilFree(options, FREE_WITHIN_MS, leaving.signal)
    if (!isFree) throw new AddressTakenError(options, findLeftBehind(options))
    if (leaving.signal.aborted) return undefined
    const { file, args } = options.child
    return startChild(file, args, { stdio: 'inherit', env: { ...process.env, ...markOf(options) } })
  }

  function isAccepting(): Promise<boolean> {
    const giveUp = AbortSignal.any([leaving.signal, AbortSignal.timeout(ACCEPTING_WITHIN_MS)])
    return untilAccepting(options.host, options.port, giveUp).then(
      () => true,
      () => false,
    )
  }

  async function keepRegistered(): Promise<Registration | undefined> {
    const { name, id, host, port, weight, protocol, metadata, ttlSeconds } = options
    try {
      if (child) await untilAccepting(host, port, leaving.signal)
      const { endpoints, ...access } = etcdClientOptions(config, keys)
      const registration = await register({
        name,
        id,
        host,
        port,
        weight,
        protocol,
        metadata,
        ttlSeconds,
        etcd: endpoints,
        ...access,
        servicesPrefix: config.discovery.servicesPrefix,
        signal: leaving.signal,
        logger,
      })
      // Node would write it when the process ends by itself, which a sidecar may never do.
      flushCompileCache()
      return registration
    } catch (error) {
      if (leaving.signal.aborted) return undefined
      await child?.stop(STOP_GRACE_MS)
      throw error
    }
  }
}
