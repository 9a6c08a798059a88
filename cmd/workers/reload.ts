import type { Logger } from 'pino'
import { ConfigError } from '../../config/kit/problem.ts'
import type { FileContents } from '../../config/load/file-contents.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import type { Config } from '../../config/schema.ts'
import { formatError } from '../cli/format-error.ts'
import { wantsEmbeddedEtcd } from '../gateway/embedded-etcd.ts'
import { checkFormats } from '../gateway/registry.ts'
import { logStartWarnings } from '../gateway/start-warnings.ts'

/** A configuration and everything that was read with it. */
export interface Source {
  readonly loaded: LoadedConfig
  readonly keyFiles: FileContents
}

/** What the primary has opened and keeps as it is. */
const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  adminHost: config => config.adminHost,
  adminPort: config => config.adminPort,
  adminToken: config => config.adminToken,
  'etcd.embedded': config => config.etcd.embedded,
}

/** Reads the configuration anew and says what is in the way of it; undefined when it must not be used. */
export function loadAnew(load: () => Source, old: Config, logger: Logger): Source | undefined {
  try {
    const source = load()
    checkFormats(source.loaded)
    const { config, sourceOf } = source.loaded
    if (wantsEmbeddedEtcd(config) && !wantsEmbeddedEtcd(old)) {
      throw new ConfigError([
        {
          path: '$.etcd.endpoints',
          message: 'cannot be left out without a restart',
          source: sourceOf('etcd'),
        },
      ])
    }
    logStartWarnings(source.loaded, logger)
    const fixed = Object.keys(FIXED).filter(path => FIXED[path]!(config) !== FIXED[path]!(old))
    if (fixed.length > 0) logger.warn({ settings: fixed }, 'settings that need a restart stay as they were')
    return source
  } catch (error) {
    if (!(error instanceof ConfigError))
      logger.error({ reason: formatError(error) }, 'the configuration is not used')
    else {
      for (const { source, path, message } of error.problems) {
        logger.error({ source, path, reason: message }, 'the configuration is not used')
      }
    }
    return undefined
  }
}
