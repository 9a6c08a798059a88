import type { Logger } from 'pino'
import type { FileContents } from '../../config/keys/file-contents.ts'
import { ConfigError } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import type { Config } from '../../config/schema.ts'
import { formatError } from '../cli/format-error.ts'
import { checkLoaded } from '../gateway/check-loaded.ts'
import { logStartWarnings } from '../gateway/logger.ts'
import { embeddedFolder, wantsEmbeddedEtcd } from '../gateway/registry.ts'

/** A configuration with everything that was read along with it. */
export interface Source {
  readonly loaded: LoadedConfig
  readonly keyFiles: FileContents
}

/** Settings of things that the primary opens once, and that a reload cannot change. */
const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  adminHost: config => config.adminHost,
  adminPort: config => config.adminPort,
  adminToken: config => config.adminToken,
  admin: config => JSON.stringify(config.admin),
  'etcd.embedded': config => config.etcd.embedded,
  'etcd.embeddedData': config => embeddedFolder(config),
}

/** Loads the configuration again. Logs its problems and returns undefined when it cannot be used. */
export async function reloadSource(
  load: () => Source,
  old: Config,
  logger: Logger,
): Promise<Source | undefined> {
  try {
    const source = load()
    await checkLoaded(source.loaded)
    const { config, sourceOf } = source.loaded
    if (wantsEmbeddedEtcd(config) && !wantsEmbeddedEtcd(old)) {
      throw new ConfigError([
        {
          path: '$.etcd.endpoints',
          message: 'must not be removed without a restart: only a restart can switch to the embedded etcd',
          source: sourceOf('etcd'),
        },
      ])
    }
    logStartWarnings(source.loaded, logger)
    const fixed = Object.keys(FIXED).filter(path => FIXED[path]!(config) !== FIXED[path]!(old))
    if (fixed.length > 0)
      logger.warn({ settings: fixed }, 'changed settings need a restart; keeping the old values')
    return source
  } catch (error) {
    if (!(error instanceof ConfigError))
      logger.error({ reason: formatError(error) }, 'new configuration rejected; keeping the current one')
    else {
      for (const { source, path, message } of error.problems) {
        logger.error({ source, path, reason: message }, 'new configuration rejected; keeping the current one')
      }
    }
    return undefined
  }
}
