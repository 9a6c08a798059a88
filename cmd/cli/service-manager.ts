import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Logger } from 'pino'

/** Tells the service manager of this process what it does. Without one that wants to know, nothing happens. */
export interface ServiceManager {
  /** It serves, after a start or a reload. @param status one line for people, which replaces the one before */
  ready(status?: string): void
  /** It reads its configuration again. `ready()` ends that. */
  reloading(): void
  /** It ends. Nothing is told after that. */
  stopping(): void
}

const NONE: ServiceManager = { ready() {}, reloading() {}, stopping() {} }

/**
 * Opens the way to a service manager that waits to be told when this process is ready: a systemd unit with `Type=notify`
 * and `NotifyAccess=all` (sd_notify(3)). Messages go through the program `systemd-notify`, since Node.js has no sockets of
 * this kind, one after the other. When it cannot be run, one warning says so.
 */
export function openServiceManager(env: NodeJS.ProcessEnv, logger: Pick<Logger, 'warn'>): ServiceManager {
  const { NOTIFY_SOCKET: socket } = env
  if (!socket) return NONE
  let sent: Promise<void> = Promise.resolve()
  let hasFailed = false
  let isStopping = false
  const tell = (...states: readonly string[]) => {
    if (isStopping) return
    sent = sent
      .then(() => send(socket, states))
      .catch(error => {
        if (!hasFailed) logger.warn({ reason: (error as Error).message }, 'service manager could not be told')
        hasFailed = true
      })
  }
  return {
    ready: status => tell('READY=1', ...(status === undefined ? [] : [`STATUS=${status}`])),
    // The time is for units of Type=notify-reload.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    stopping() {
      tell('STOPPING=1')
      isStopping = true
    },
  }
}

/** Resolves when the service manager has taken the message. */
async function send(socket: string, states: readonly string[]): Promise<void> {
  const env = { ...process.env, NOTIFY_SOCKET: socket }
  const child = spawn('systemd-notify', [...states], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  // The end of this process must not wait for it.
  child.unref()
  let words = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    words += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(words.trim() || `systemd-notify exited with ${code}`)
}
