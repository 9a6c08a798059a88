/**
 * The part of a logger that discovery uses. A pino logger fits. The object comes first, and the message is
 * constant. Neither ever contains a password or a token.
 */
export interface Logger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

const ignore = (): void => {}

/** A logger that discards everything. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
