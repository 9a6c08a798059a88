import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { LogLevel } from '../config/schema.ts'

/** Lines are written together, this many bytes or what there is after this time. */
const BATCH_BYTES = 4_096
const BATCH_MS = 100

/**
 * The process's logger: JSON lines on stdout, or coloured lines when stdout is a terminal. Lines are written
 * a few at a time and without waiting for the reader of a pipe; `flush` writes what is left, at the latest
 * before the process ends.
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
  const destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: BATCH_BYTES,
    periodicFlush: BATCH_MS,
  })
  return { logger: pino({ level }, destination), flush: () => destination.flushSync() }
}
