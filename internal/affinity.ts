/** Where a request carries the key by which `consistent-hash` chooses. */
export type HashKey =
  /** The header lines that the node gets; `name` in lower case. */
  | { readonly from: 'header'; readonly name: string }
  | { readonly from: 'cookie'; readonly name: string }
  | { readonly from: 'address' }
  /** Of the token; dots in `name` lead inwards. */
  | { readonly from: 'claim'; readonly name: string }
  /** A `:name` segment of the route's path. */
  | { readonly from: 'pathParameter'; readonly name: string }

/** The cookie by which `sticky-cookie` knows a client's node. */
export interface StickyCookie {
  /** Undefined = one for each service. */
  readonly name?: string | undefined
}
