import { randomUUID } from 'node:crypto'
import { FILE_SUFFIX, readSecretFile } from '../../config/load/secret-files.ts'

const TOKEN_VARIABLE = 'WAYGATE_ADMIN_TOKEN'

/**
 * Returns the token of the environment, or of the file that it names, which in a command is that of the caller, and the environment for `loadConfig`, in which
 * another one stands in for it. The caller's token may be one of `admin.tokens`, and a configuration refuses an `adminToken`
 * that is one of these. The stand-in is there because other settings ask for an `adminToken`.
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
