import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import type pinoPretty from 'pino-pretty'
import { DEFAULT_CONFIG_FILE, type LoadedConfig } from '../../config/load/load.ts'
import type { LogLevel } from '../../config/schema.ts'
import { openLogDestination } from './log-destination.ts'

/** The log of the process. */
export interface Log {
  readonly logger: Logger
  /** Writes a line that was made elsewhere in the logger's format. */
  readonly write: (line: string) => void
  /** Writes the lines that are still buffered. */
  readonly flush: () => void
}

/**
 * Creates the log of the process: JSON lines on stdout, or coloured lines when stdout is a terminal. JSON lines are
 * written in batches and never wait for the reader of a pipe. The caller calls `flush` before the process ends.
 */
export function createLogger(level: LogLevel): Log {
  if (process.stdout.isTTY) {
    // Loaded only for terminals, because services do not need it.
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

/** Logs the warnings about a configuration before it takes effect. */
export function logStartWarnings({ keys, warnings, file }: LoadedConfig, logger: Logger): void {
  for (const warning of warnings) logger.warn(warning)
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, 'configuration read')
  if (!keys.jwt && !keys.issuers)
    logger.warn('no token key is configured; routes are open to everyone unless they set auth')
}
