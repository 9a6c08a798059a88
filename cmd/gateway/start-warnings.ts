import type { Logger } from 'pino'
import { DEFAULT_CONFIG_FILE, type LoadedConfig } from '../../config/load/load.ts'

/** Says what an operator should know of a configuration that is about to be in force. */
export function logStartWarnings({ keys, warnings, file }: LoadedConfig, logger: Logger): void {
  for (const warning of warnings) logger.warn(warning)
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, 'configuration read')
  if (!keys.jwt && !keys.issuers)
    logger.warn('no key for tokens is configured: routes are open to everyone unless they ask for one')
}
