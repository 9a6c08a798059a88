import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { LogLevel } from '../config/schema.ts'

/**
 * The process's logger: JSON lines on stdout, or coloured lines when stdout is a terminal. Lines are written
 * without waiting for the reader of a pipe; `flush` writes what is left, before the process ends.
 */
export function createLogger(level: LogLevel): { logger: Logger; flush(): void } {
  if (process.stdout.isTTY) {
    const stream = pretty({
      colorize: true,
      ignore: 'pid,hostname',
      translateTime: 'SYS:HH:MM:ss.l',
      sync: true,
    })
    return { logger: pino({ level }, stream), flush: () => {} }
  }
  const destination = pino.destination({ dest: 1, sync: false })
  return { logger: pino({ level }, destination), flush: () => destination.flushSync() }
}
