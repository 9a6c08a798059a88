import pino, { type Logger } from 'pino'
import type { Config } from '../../config/schema.ts'
import { createAccessLog, type WriteAccess } from '../../middleware/access-log.ts'
import type { LostLinesView } from '../../routes/admin/views.ts'
import type { GatewayOptions } from './gateway-types.ts'
import { type LostCounts, type LostLines, NONE_LOST } from './log-destination.ts'
import { LogFile } from './log-file.ts'
import type { Live, Settings } from './settings.ts'

/** The access log of a process. */
export interface AccessLog {
  /** Undefined = requests are not logged. */
  readonly log: WriteAccess | undefined
  /** Whether lines have the bytes of bodies, which are not counted otherwise. */
  readonly needsBytes: boolean
  /** Writes the lines that are left, and waits for a reader that is too slow. */
  close(): void
  /** Writes the lines that are left without waiting for a reader. */
  retire(): void
}

export interface AccessLogSources {
  readonly setting: Config['accessLog']
  /** That of the log. Default: the present one of `logger`. */
  readonly level?: string | undefined
  readonly logger: Logger
  /** Writes to the log of the process. */
  readonly writeLine: (line: string) => void
  /** Gets the lines of its file that are dropped. */
  readonly lost: LostCounts
}

/**
 * Opens the access log that is configured.
 *
 * @throws Error when its file cannot be opened
 */
export async function openAccessLog(sources: AccessLogSources): Promise<AccessLog> {
  const { logger, writeLine, lost, level = logger.level } = sources
  const setting = sources.setting === true ? {} : sources.setting
  if (setting === false || (setting.to === undefined && !isInfoEnabled(level))) {
    return { log: undefined, needsBytes: false, ...NO_FILE }
  }
  const { to } = setting
  if (to === undefined) return { ...(await openFormat(setting, writeLine)), ...NO_FILE }
  const onRecovered = (lines: LostLines) =>
    logger.warn({ file: to, ...lines }, 'access log is written again; it could not be for a while')
  const file = new LogFile(to, 'accessLog.to', onRecovered, lost)
  const format = await openFormat(setting, line => file.write(line))
  return { ...format, close: () => file.close(), retire: () => file.retire() }
}

const NO_FILE: Pick<AccessLog, 'close' | 'retire'> = { close() {}, retire() {} }

/**
 * Opens the access log of the settings, and with each reload the one that they ask for then. The caller closes the last one.
 *
 * @returns the log, and the lines of both logs of the process that were dropped
 */
export async function openLiveAccessLog(
  settings: Settings,
  { logger, writeLine, lostLines = NONE_LOST }: Pick<GatewayOptions, 'logger' | 'writeLine' | 'lostLines'>,
): Promise<{ readonly accessLog: Live<AccessLog>; readonly lostLines: LostLinesView }> {
  const lost: LostCounts = { slowReader: 0, writeError: 0 }
  const accessLog = await settings.open({
    of: ({ config }) => [config.accessLog, config.logLevel],
    open: inputs =>
      openAccessLog({
        ...{ setting: inputs.config.accessLog, logger, writeLine, lost },
        // That of the log is set later in a reload.
        level: inputs === settings ? logger.level : inputs.config.logLevel,
      }),
    // Requests go on meanwhile.
    close: old => old.retire(),
  })
  return {
    accessLog,
    lostLines: {
      get slowReader() {
        return lostLines.slowReader + lost.slowReader
      },
      get writeError() {
        return lostLines.writeError + lost.writeError
      },
    },
  }
}

/** A level that has no number logs nothing. */
function isInfoEnabled(level: string): boolean {
  const { values } = pino.levels
  return values.info! >= (values[level] ?? Number.POSITIVE_INFINITY)
}

/** Loads the formats that few gateways use when they are configured. */
async function openFormat(
  { format = 'json', fields }: Exclude<Config['accessLog'], boolean>,
  write: (line: string) => void,
): Promise<Pick<AccessLog, 'log' | 'needsBytes'>> {
  if (format === 'combined') {
    const { createCombinedLog } = await import('../../middleware/combined-log.ts')
    return { log: createCombinedLog({ write }), needsBytes: true }
  }
  // By far the fastest, because it knows its fields.
  if (format === 'json' && fields === undefined) return { log: createAccessLog({ write }), needsBytes: false }
  const { createFieldsLog } = await import('../../middleware/access-log-fields.ts')
  return { log: createFieldsLog({ write, format, fields }), needsBytes: fields?.includes('bytes') === true }
}
