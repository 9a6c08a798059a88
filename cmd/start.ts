import { loadConfig } from '../config/load.ts'
import type { StartOptions } from './command.ts'
import { createLogger } from './logger.ts'
import { untilSignal } from './signals.ts'
import { logStartWarnings, startStack } from './stack.ts'
import { urlOf } from './url.ts'

/** `waygate start`: serves until SIGTERM or SIGINT. Resolves with the exit code. */
export async function runStart(options: StartOptions): Promise<number> {
  const loaded = loadConfig({ file: options.config, env: process.env, flags: options.settings })
  const log = createLogger(loaded.config.logLevel)
  const { logger, flush } = log
  try {
    logStartWarnings(loaded, logger)
    const stack = await startStack(loaded, log)
    const { address, adminAddress } = stack.gateway
    logger.info({ public: urlOf(address), admin: urlOf(adminAddress) }, 'waygate is listening')
    // Whoever started the process waits for this line.
    flush()
    const signal = await untilSignal()
    logger.info({ signal }, 'shutting down; a second signal ends at once')
    const cut = await stack.stop()
    if (cut > 0) logger.warn({ requests: cut }, 'requests were cut off')
    logger.info('stopped')
    return 0
  } finally {
    flush()
  }
}
