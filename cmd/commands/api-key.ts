import { hash, randomBytes } from 'node:crypto'
import type { ApiKeyDocument } from '../../config/kit/api-key-document.ts'
import { loadConfig } from '../../config/load/load.ts'
import type { ApiKeyCommand } from '../cli/command.ts'

/** 256 bits: so long a key needs no slow hash, since nobody can try them all. */
const KEY_BYTES = 32

/** `waygate api-key`: prints a new key, and what to put into etcd for it. Resolves with the exit code. */
export async function runApiKey(options: ApiKeyCommand): Promise<number> {
  const { config } = loadConfig({ file: options.config, env: process.env, flags: options.settings })
  const { key, etcdKey, value } = makeApiKey(options, config.apiKeys.prefix, Date.now())
  console.log(`API key:    ${key}`)
  console.log(`etcd key:   ${etcdKey}`)
  console.log(`etcd value: ${value}`)
  console.log(`\nTo let it in:        etcdctl put ${quote(etcdKey)} ${quote(value)}`)
  console.log(`To take it back:     etcdctl del ${quote(etcdKey)}`)
  console.log('The key itself is kept nowhere: this is the only time that it is shown.')
  if (!config.apiKeys.enabled) console.error('API keys are not enabled yet: set apiKeys.enabled')
  return 0
}

/** @param now milliseconds since 1970 */
export function makeApiKey(
  { owner, scopes, roles, claims, expiresInSeconds }: Omit<ApiKeyCommand, 'command' | 'config' | 'settings'>,
  prefix: string,
  now: number,
): { readonly key: string; readonly etcdKey: string; readonly value: string } {
  // The beginning tells people, and whoever searches sources for secrets, what it is.
  const key = `wg_${randomBytes(KEY_BYTES).toString('base64url')}`
  const document: ApiKeyDocument = {
    owner,
    ...(scopes.length > 0 && { scopes: [...scopes] }),
    ...(roles.length > 0 && { roles: [...roles] }),
    ...(Object.keys(claims).length > 0 && { claims: { ...claims } }),
    ...(expiresInSeconds !== undefined && {
      expiresAt: new Date(now + expiresInSeconds * 1000).toISOString(),
    }),
  }
  return { key, etcdKey: prefix + hash('sha256', key, 'hex'), value: JSON.stringify(document) }
}

/** For a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
