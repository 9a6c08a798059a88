import type { Session } from './session.ts'

/** An answer of the admin listener that is not what was asked for. Its message is for people. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Asks the admin listener, below `api/v1/`. All paths are relative, so the page also works behind a prefix. */
export class Api {
  readonly #session: Session
  readonly #onRefused: () => void

  /** @param onRefused is called when the listener asks for a token, or for another one than the present */
  constructor(session: Session, onRefused: () => void) {
    this.#session = session
    this.#onRefused = onRefused
  }

  /** Resolves with the JSON of a resource. Rejects with ApiError, or with TypeError when nobody answers. */
  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.open(path, { signal: signal ?? null })
    return (await response.json()) as T
  }

  /** Asks a question that has a body. Rejects as `get` does. */
  async post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const headers = { 'content-type': 'application/json' }
    const response = await this.open(path, {
      ...{ method: 'POST', headers, body: JSON.stringify(body) },
      signal: signal ?? null,
    })
    return (await response.json()) as T
  }

  /** Resolves with a response whose status says success; the caller reads it. Rejects as `get` does. */
  async open(path: string, init: RequestInit = {}): Promise<Response> {
    const { token } = this.#session
    const headers = new Headers(init.headers)
    if (token !== null) headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(`api/v1/${path}`, {
      ...init,
      headers,
      credentials: 'omit',
      cache: 'no-store',
    })
    if (response.ok) return response
    const text = await reasonOf(response)
    if (response.status === 401 && this.#session.forget(token)) this.#onRefused()
    throw new ApiError(response.status, text)
  }
}

/** Reads what is wrong from a body of problem+json. */
async function reasonOf(response: Response): Promise<string> {
  try {
    const { title, detail } = (await response.json()) as { readonly title?: string; readonly detail?: string }
    return detail ?? title ?? `status ${response.status}`
  } catch {
    return `status ${response.status}`
  }
}
