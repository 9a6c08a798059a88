/** What tabs of one gateway say to each other. */
type Message = { readonly kind: 'ask' } | { readonly kind: 'token'; readonly token: string }

/**
 * The token of the admin listener, kept as long as the tab lives. There is no cookie: cookies ignore ports, so they would also be
 * sent to the public listener, which forwards them to nodes. A new tab asks the others for their token, so one sign-in serves all.
 * `close()` ends the channel between them.
 */
export class Session {
  readonly #key = `waygate token ${location.pathname}`
  readonly #channel = new BroadcastChannel(this.#key)
  #token: string | null
  /** The last one that was refused. Tabs that have not noticed would give it back. */
  #refused: string | undefined

  /** @param onToken is called when the token has changed: by this tab, or by another one that was asked */
  constructor(onToken: () => void) {
    this.#token = takeFromAddress() ?? sessionStorage.getItem(this.#key)
    if (this.#token) sessionStorage.setItem(this.#key, this.#token)
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.kind === 'ask') {
        if (this.#token) this.#tell(this.#token)
      } else if (this.#token === null && data.token !== this.#refused) {
        this.#keep(data.token)
        onToken()
      }
    }
    addEventListener('hashchange', () => {
      const token = takeFromAddress()
      if (token === undefined) return
      this.signIn(token)
      onToken()
    })
  }

  get token(): string | null {
    return this.#token
  }

  /** Takes a token, and gives it to tabs that wait for one. */
  signIn(token: string): void {
    this.#keep(token)
    this.#tell(token)
  }

  /**
   * Forgets a token that was refused, and asks the other tabs for theirs.
   *
   * @returns false when there is another token by now: nothing was forgotten
   */
  forget(refused: string | null): boolean {
    if (this.#token !== refused) return false
    this.#refused = refused ?? this.#refused
    this.#token = null
    sessionStorage.removeItem(this.#key)
    this.#channel.postMessage({ kind: 'ask' } satisfies Message)
    return true
  }

  close(): void {
    this.#channel.close()
  }

  #keep(token: string): void {
    this.#token = token
    sessionStorage.setItem(this.#key, token)
  }

  #tell(token: string): void {
    this.#channel.postMessage({ kind: 'token', token } satisfies Message)
  }
}

/**
 * Takes the token of a link such as `/#token=…` out of the address and of the history; undefined when there is none that can be
 * read. Browsers send no fragment to a server.
 */
function takeFromAddress(): string | undefined {
  const token = /^#token=([^&]+)/.exec(location.hash)?.[1]
  if (token === undefined) return undefined
  history.replaceState(null, '', `${location.pathname}${location.search}`)
  try {
    return decodeURIComponent(token)
  } catch {
    return undefined
  }
}
