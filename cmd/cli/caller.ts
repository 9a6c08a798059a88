import { randomUUID } from 'node:crypto'

const TOKEN_VARIABLE = 'WAYGATE_ADMIN_TOKEN'

/**
 * Returns the token of the environment, which in a command is that of the caller, and the environment for `loadConfig`, in which
 * another one stands in for it. The caller's token may be one of `admin.tokens`, and a configuration refuses an `adminToken`
 * that is one of these. The stand-in is there because other settings ask for an `adminToken`.
 */
export function readCaller(env: NodeJS.ProcessEnv = process.env): {
  readonly env: NodeJS.ProcessEnv
  readonly token: string | undefined
} {
  const token = env[TOKEN_VARIABLE]
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) return { env, token: undefined }
  return { env: { ...env, [TOKEN_VARIABLE]: randomUUID() }, token }
}
