import { randomUUID } from 'node:crypto'
import { type LoadedConfig, loadConfig } from '../../config/load/load.ts'
import { FILE_SUFFIX, readSecretFile } from '../../config/load/secret-files.ts'
import type { Configured } from './command.ts'

const TOKEN_VARIABLE = 'WAYGATE_ADMIN_TOKEN'

/**
 * Reads `WAYGATE_ADMIN_TOKEN`, or the file that `WAYGATE_ADMIN_TOKEN_FILE` names. In a command it is the token of the caller.
 *
 * The caller's token may be one of `admin.tokens`, and a configuration refuses an `adminToken` that is one of these. So the
 * environment for `loadConfig`, which is returned too, has another token in its place. There is one, because other settings ask for an
 * `adminToken`.
 */
export function readCaller(env: NodeJS.ProcessEnv = process.env): {
  readonly env: NodeJS.ProcessEnv
  readonly token: string | undefined
} {
  const { [`${TOKEN_VARIABLE}${FILE_SUFFIX}`]: _file, ...others } = env
  const read = readSecretFile(TOKEN_VARIABLE, env, process.cwd())
  // What is wrong with the file is said by `loadConfig`.
  const token = read === undefined ? env[TOKEN_VARIABLE] : 'secret' in read ? read.secret : undefined
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) return { env, token: undefined }
  return { env: { ...others, [TOKEN_VARIABLE]: randomUUID() }, token }
}

/**
 * Loads the configuration for a command that starts no gateway.
 *
 * @throws ConfigError
 */
export function loadCommandConfig({ config: file, settings }: Configured): LoadedConfig {
  return loadConfig({ file, env: readCaller().env, flags: settings })
}
