import type { Config } from '../../config/schema.ts'

/** Headers with credentials, beside the one of API keys. */
const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie']

/** Returns the headers in which clients and nodes send what must not reach others, in lower case. */
export function credentialHeaders({ apiKeys }: Pick<Config, 'apiKeys'>): readonly string[] {
  return [...CREDENTIALS, apiKeys.header.toLowerCase()]
}
