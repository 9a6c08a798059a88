import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import type pinoPretty from 'pino-pretty'
import { DEFAULT_CONFIG_FILE, type LoadedConfig } from '../../config/load/load.ts'
import type { LogLevel } from '../../config/schema.ts'
import { type LogDestination, openLogDestination } from './log-destination.ts'

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
 *
 * @param isShown decides for each line, in pino's JSON, whether it is written. Default: every line is.
 */
export function createLogger(level: LogLevel, isShown?: (line: string) => boolean): Log {
  const destination = process.stdout.isTTY ? openTerminal() : openLogDestination()
  const write = isShown
    ? (line: string) => isShown(line) && destination.write(line)
    : (line: string) => destination.write(line)
  return { logger: pino({ level }, { write }), write, flush: () => destination.flush() }
}

function openTerminal(): LogDestination {
  // Loaded only for terminals, because services do not need it.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof pinoPretty
  const terminal = pino.destination({ dest: 1, sync: true })
  const stream = pretty({
    colorize: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    destination: terminal,
  })
  // Once the terminal is closed, every write to it fails. The process must be able to clean up nevertheless.
  terminal.on('error', () => {})
  stream.on('error', () => {})
  return { write: line => void stream.write(line), flush: () => {} }
}

/** Logs the warnings about a configuration before it takes effect. */
export function logStartWarnings({ keys, warnings, file }: LoadedConfig, logger: Logger): void {
  for (const warning of warnings) logger.warn(warning)
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, 'configuration read')
  if (!keys.jwt && !keys.issuers)
    logger.warn('no token key is configured; routes are open to everyone unless they set auth')
}
