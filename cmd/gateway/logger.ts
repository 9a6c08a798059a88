import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import type pinoPretty from 'pino-pretty'
import { DEFAULT_CONFIG_FILE, type LoadedConfig } from '../../config/load/load.ts'
import type { LogLevel } from '../../config/schema.ts'
import type { LostLinesView } from '../../routes/admin/views.ts'
import { LineLimit } from './line-limit.ts'
import { type LogDestination, NONE_LOST, openLogDestination } from './log-destination.ts'

/** The log of the process. */
export interface Log {
  readonly logger: Logger
  /** Writes a line that was made elsewhere in the logger's format. */
  readonly write: (line: string) => void
  /** Writes the lines that are still buffered. */
  readonly flush: () => void
  /** The lines that were dropped so far. */
  readonly lost: LostLinesView
}

/**
 * Creates the log of the process: JSON lines on stdout, or coloured lines when stdout is a terminal. JSON lines are
 * written in batches and never wait for the reader of a pipe. Of many lines of one kind, some are written and the others
 * counted ({@link LineLimit}); lines of the access log, which `write` gets, are not bounded. The caller calls `flush` before the
 * process ends.
 *
 * @param isShown decides for each line, in pino's JSON, whether it is written. Default: every line is.
 */
export function createLogger(level: LogLevel, isShown?: (line: string) => boolean): Log {
  const destination = process.stdout.isTTY ? openTerminal() : openLogDestination()
  const write = isShown
    ? (line: string) => isShown(line) && destination.write(line)
    : (line: string) => destination.write(line)
  const limit = new LineLimit()
  // All child loggers share it. What it reports has none of their fields.
  const logger = pino(
    {
      level,
      hooks: {
        logMethod(args, method, at) {
          if (limit.admits(logger, args, at)) method.apply(this, args)
        },
      },
    },
    { write },
  )
  const flush = () => {
    limit.report(logger)
    destination.flush()
  }
  return { logger, write, flush, lost: destination.lost }
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
  return { write: line => void stream.write(line), flush: () => {}, lost: NONE_LOST }
}

/** Logs the warnings about a configuration before it takes effect. */
export function logStartWarnings({ keys, warnings, file }: LoadedConfig, logger: Logger): void {
  for (const warning of warnings) logger.warn(warning)
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, 'configuration read')
  if (!keys.jwt && !keys.issuers)
    logger.warn('no token key is configured; routes are open to everyone unless they set auth')
}
