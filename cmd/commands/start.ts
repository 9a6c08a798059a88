import { flushCompileCache } from 'node:module'
import { createFileRecord } from '../../config/keys/file-contents.ts'
import { loadConfig } from '../../config/load/load.ts'
import { processCount } from '../../config/load/route-context.ts'
import type { StartCommand } from '../cli/command.ts'
import { formatError } from '../cli/format-error.ts'
import { publicUrlsOf, urlOf } from '../cli/listening.ts'
import { openServiceManager } from '../cli/service-manager.ts'
import { logUnusedSignals, onHangup, untilSignal } from '../cli/signals.ts'
import { packageVersion } from '../cli/version.ts'
import { collectStartupLater } from '../gateway/heap.ts'
import { checkSockets, takeSockets } from '../gateway/inherited-sockets.ts'
import { createLogger, logStartWarnings } from '../gateway/logger.ts'
import type { Reloader, Source } from '../gateway/reload.ts'
import { startStack } from '../gateway/stack.ts'
import type { ServingOptions } from '../workers/primary.ts'

/** Runs `waygate start`: serves until SIGTERM or SIGINT. Resolves with the exit code. */
export async function runStart(options: StartCommand): Promise<number> {
  const started = Promise.withResolvers<Reloader>()
  // Before the configuration is read: a signal that comes later is about what the files hold by then.
  onHangup(() => void started.promise.then(reloader => reloader.onSignal()))
  const sockets = takeSockets(process.env, process.pid)
  let { config: file } = options
  const load = (): Source => {
    const files = createFileRecord()
    const loaded = loadConfig({
      file,
      env: process.env,
      flags: options.settings,
      readKeyFile: files.readFile,
    })
    // A reload without a file that was there would open what it has closed.
    file ??= loaded.file
    return { loaded, keyFiles: files.contents() }
  }
  const source = load()
  checkSockets(sockets, source.loaded.config)
  const log = createLogger(source.loaded.config.logLevel)
  logUnusedSignals(log.logger)
  const serving: ServingOptions = { load, log, sockets, onStarted: started.resolve }
  try {
    logStartWarnings(source.loaded, log.logger)
    if (processCount(source.loaded.config) === 1) await serveAlone(source, serving)
    else {
      const { servePrimary } = await import('../workers/primary.ts')
      await servePrimary(source, serving)
    }
    log.logger.info('stopped')
    return 0
  } finally {
    log.flush()
  }
}

async function serveAlone(source: Source, { load, log, sockets, onStarted }: ServingOptions): Promise<void> {
  const { logger, flush } = log
  const manager = openServiceManager(process.env, logger)
  const again = {
    formatError,
    load,
    source,
    onBegin: () => manager.reloading(),
    onEnd: () => manager.ready(),
  }
  const stack = await startStack(source.loaded, log, packageVersion(), sockets, again)
  const { gateway, adminAddress } = stack
  // Who reads the next line may end this process at once.
  const ended = untilSignal()
  logger.info({ ...publicUrlsOf(gateway.addresses), admin: urlOf(adminAddress) }, 'waygate is listening')
  // The process that started this one waits for the line.
  flush()
  manager.ready(`serving on ${Object.values(publicUrlsOf(gateway.addresses)).join(' and ')}`)
  // Node would write it when the process ends by itself, which a gateway may never do.
  flushCompileCache()
  collectStartupLater(() => gateway.hasServed())
  onStarted(stack.reloader!)
  const signal = await ended
  manager.stopping()
  logger.info({ signal }, 'shutting down; a second signal exits at once')
  const cut = await stack.stop()
  if (cut > 0) logger.warn({ requests: cut }, 'requests were cut off')
}
