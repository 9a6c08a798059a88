/** Where clients send secrets, beside the header Authorization. */
export interface CredentialPlaces {
  /** The header of API keys, in lower case; undefined = there are none. */
  readonly keyHeader?: string | undefined
  /** The query parameter of tokens; undefined = they are not read there. */
  readonly tokenParameter?: string | undefined
  /** The cookie of tokens; undefined = they are not read there. */
  readonly tokenCookie?: string | undefined
}

/** For policies that must not pass on what clients send there. */
export interface CredentialTools {
  readonly credentialPlaces: CredentialPlaces
}
