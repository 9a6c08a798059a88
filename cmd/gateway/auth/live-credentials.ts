import { parseApiKeyDocument } from '../../../config/kit/api-key-document.ts'
import type { Config } from '../../../config/schema.ts'
import type { Credential, ParsedApiKey } from '../../../discovery/key-state.ts'
import type { RegistryScope } from '../../../discovery/registry.ts'
import type { ApiKey, ApiKeys } from '../../../middleware/auth/api-key-authenticator.ts'
import { createGrantReader } from '../../../middleware/auth/claims.ts'
import type { Revocations } from '../../../middleware/auth/jwt-authenticator.ts'

/** The credentials that come from the registry: API keys, and the ids of revoked tokens. */
export class LiveCredentials {
  readonly #apiKeys = new Map<string, ApiKey>()
  readonly #revoked = new Set<string>()
  readonly #settings: { readonly config: Pick<Config, 'jwt'> }
  #reader: { readonly of: Config['jwt']; readonly read: ReturnType<typeof createGrantReader> } | undefined
  readonly apiKeys: ApiKeys & { isLoaded: boolean }
  readonly revocations: Revocations & { isLoaded: boolean }

  /** @param settings their configuration is read whenever a key is parsed */
  constructor(settings: { readonly config: Pick<Config, 'jwt'> }) {
    this.#settings = settings
    this.apiKeys = { isLoaded: false, get: sha256 => this.#apiKeys.get(sha256) }
    this.revocations = { isLoaded: false, has: tokenId => this.#revoked.has(tokenId) }
  }

  /** Parses the registry value of an API key into what the authenticator needs, or the reason why it is invalid. */
  parseApiKey(value: unknown): ParsedApiKey {
    const parsed = parseApiKeyDocument(value)
    if ('reason' in parsed) return parsed
    const { expiresAt, owner, ...grants } = parsed.document
    const acceptedUntil = expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt)
    return { apiKey: { identity: this.#readGrants()(owner, grants), acceptedUntil } satisfies ApiKey }
  }

  #readGrants(): ReturnType<typeof createGrantReader> {
    const { jwt } = this.#settings.config
    if (this.#reader?.of !== jwt) this.#reader = { of: jwt, read: createGrantReader(jwt) }
    return this.#reader.read
  }

  /** Applies the addition, change or removal of one credential. */
  apply(before: Credential | undefined, after: Credential | undefined): void {
    if (before?.kind === 'api-key') this.#apiKeys.delete(before.hash)
    else if (before) this.#revoked.delete(before.tokenId)
    if (after?.kind === 'api-key') this.#apiKeys.set(after.hash, after.apiKey as ApiKey)
    else if (after) this.#revoked.add(after.tokenId)
  }

  /** Called when the first complete listing of a scope has been applied. */
  loaded(scope: RegistryScope): void {
    if (scope === 'api-keys') this.apiKeys.isLoaded = true
    if (scope === 'revocations') this.revocations.isLoaded = true
  }
}
