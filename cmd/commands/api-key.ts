import { hash, randomBytes } from 'node:crypto'
import type { ApiKeyDocument } from '../../config/kit/api-key-document.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { ApiKeyCommand } from '../cli/command.ts'
import { shellQuoted } from '../cli/output.ts'

/** 256 bits: a key of that length needs no slow hash, since it cannot be guessed. */
const KEY_BYTES = 32

/** Runs `waygate api-key`: prints a new key, and the key and value to put into etcd. Resolves with the exit code. */
export async function runApiKey(options: ApiKeyCommand): Promise<number> {
  const { config } = loadCommandConfig(options)
  const { key, etcdKey, value } = makeApiKey(options, config.apiKeys.prefix, Date.now())
  console.log(`API key:    ${key}`)
  console.log(`etcd key:   ${etcdKey}`)
  console.log(`etcd value: ${value}`)
  console.log(`\nTo enable it:  etcdctl put ${shellQuoted(etcdKey)} ${shellQuoted(value)}`)
  console.log(`To revoke it:  etcdctl del ${shellQuoted(etcdKey)}`)
  console.log('The key itself is stored nowhere and cannot be shown again.')
  if (!config.apiKeys.enabled) console.error('API keys are not enabled yet: set apiKeys.enabled')
  return 0
}

/**
 * Makes a new API key.
 *
 * @param now milliseconds since 1970
 */
export function makeApiKey(
  { owner, scopes, roles, claims, expiresInSeconds }: Omit<ApiKeyCommand, 'command' | 'config' | 'settings'>,
  prefix: string,
  now: number,
): { readonly key: string; readonly etcdKey: string; readonly value: string } {
  // The prefix lets people and secret scanners recognize the key.
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
