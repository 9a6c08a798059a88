import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import type pinoPretty from 'pino-pretty'
import { DEFAULT_CONFIG_FILE, type LoadedConfig } from '../../config/load/load.ts'
import type { LogLevel } from '../../config/schema.ts'
import { openLogDestination } from './log-destination.ts'

/** The process's log. */
export interface Log {
  readonly logger: Logger
  /** Takes a line in the form of the logger's, made elsewhere. */
  readonly write: (line: string) => void
  /** Writes what is left. */
  readonly flush: () => void
}

/**
 * The process's log: JSON lines on stdout, or coloured lines when stdout is a terminal. Lines are written
 * a few at a time and without waiting for the reader of a pipe; `flush` writes what is left, at the latest
 * before the process ends.
 */
export function createLogger(level: LogLevel): Log {
  if (process.stdout.isTTY) {
    // A terminal is where people try it; services need not carry it.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof pinoPretty
    const stream = pretty({
      colorize: true,
      ignore: 'pid,hostname',
      translateTime: 'SYS:HH:MM:ss.l',
      sync: true,
    })
    return { logger: pino({ level }, stream), write: line => void stream.write(line), flush: () => {} }
  }
  const destination = openLogDestination()
  return {
    logger: pino({ level }, destination),
    write: line => destination.write(line),
    flush: () => destination.flush(),
  }
}

/** Logs what an operator should know about a configuration before it takes effect. */
export function logStartWarnings({ keys, warnings, file }: LoadedConfig, logger: Logger): void {
  for (const warning of warnings) logger.warn(warning)
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, 'configuration read')
  if (!keys.jwt && !keys.issuers)
    logger.warn('no key for tokens is configured: routes are open to everyone unless they ask for one')
}
