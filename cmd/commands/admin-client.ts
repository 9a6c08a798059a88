import { ADMIN_VARIABLE } from '../../config/load/environment.ts'
import { loadConfig } from '../../config/load/load.ts'
import type { Items } from '../../routes/admin/api-types.ts'
import { readCaller } from '../cli/caller.ts'
import type { AdminCommand } from '../cli/command.ts'
import { MissingError, UsageError } from '../cli/format-error.ts'
import { notAnAdminUrl, readAdminUrl, urlOf } from '../cli/listening.ts'
import { visible } from '../cli/output.ts'

/** The admin listener did not answer, or not with what was asked for. */
export class AskError extends Error {
  override readonly name = 'AskError'
  readonly code = 'ERR_ADMIN'
  /** Whether nobody answers, which may change when the gateway has started. */
  readonly isAway: boolean

  constructor(message: string, isAway = false) {
    super(message)
    this.isAway = isAway
  }
}

/** How the gateway begins what it says of a filter that cannot be read. */
const BAD_FILTER = 'filter: '
/** How long an answer may take. */
const ANSWER_MS = 5_000

/** Asks the admin listener of a running gateway, with the configured token. Its errors are one line for people. */
export class AdminClient {
  /** Without a trailing slash. */
  readonly url: string
  readonly token: string | undefined
  /** Whose help an error about the command line points at. */
  readonly #command: string | undefined
  /** When the last answer came, by the clock of the gateway, to the second. Milliseconds since 1970. */
  answeredAt = Date.now()

  /**
   * @throws ConfigError
   * @throws AskError when the address in the environment is none
   */
  constructor({ command, admin, config: file, settings }: AdminCommand & { readonly command?: string }) {
    this.#command = command
    const { env, token } = readCaller()
    const url = admin ?? fromEnvironment()
    if (url !== undefined && token !== undefined) {
      // The file adds nothing, and one with a mistake must not keep a gateway from being asked.
      this.url = url
      this.token = token
      return
    }
    const { config } = loadConfig({ file, env, flags: settings })
    this.token = token ?? config.adminToken
    this.url = url ?? urlOf({ address: config.adminHost, port: config.adminPort, family: '' })
  }

  /**
   * Reads a page.
   *
   * @throws MissingError when there is no such thing
   * @throws UsageError when the path has a filter that cannot be read
   * @throws AskError
   */
  async read<Page>(path: string, withinMs = ANSWER_MS): Promise<Page> {
    return this.#json(await this.#fetch(path, {}, AbortSignal.timeout(withinMs)))
  }

  /** Reads a whole list, however many answers it comes in. */
  async readItems<Item>(path: string): Promise<readonly Item[]> {
    const items: Item[] = []
    let next: string | undefined
    do {
      const from =
        next === undefined ? '' : `${path.includes('?') ? '&' : '?'}from=${encodeURIComponent(next)}`
      const page: Items<Item> = await this.read(`${path}${from}`)
      items.push(...page.items)
      next = page.next
    } while (next !== undefined)
    return items
  }

  /** Posts a question as JSON, and resolves with the answer. */
  async ask<Page>(path: string, question: object, withinMs = ANSWER_MS): Promise<Page> {
    const init = {
      method: 'POST',
      body: JSON.stringify(question),
      headers: { 'content-type': 'application/json' },
    }
    return this.#json(await this.#fetch(path, init, AbortSignal.timeout(withinMs)))
  }

  /** Opens a stream, and resolves with its body. The caller cancels it. */
  async open(path: string): Promise<ReadableStream<Uint8Array>> {
    const slow = new AbortController()
    const timer = setTimeout(() => slow.abort(new DOMException('', 'TimeoutError')), ANSWER_MS)
    try {
      return (await this.#fetch(path, {}, slow.signal)).body!
    } finally {
      clearTimeout(timer)
    }
  }

  async #fetch(path: string, { headers, ...init }: RequestInit, signal: AbortSignal): Promise<Response> {
    const authorization = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }
    let response: Response
    try {
      response = await fetch(`${this.url}${path}`, {
        ...init,
        headers: { ...(headers as Record<string, string>), ...authorization },
        redirect: 'manual',
        signal,
      })
    } catch (error) {
      throw this.#away(error as Error)
    }
    this.answeredAt = Date.parse(response.headers.get('date') ?? '') || Date.now()
    if (response.ok) return response
    if (response.status >= 300 && response.status < 400) {
      const to = visible(response.headers.get('location') ?? 'nowhere')
      throw new AskError(
        `${this.url}${path} answered ${response.status}: it redirects to ${to}, which is not followed; --admin must be the URL of the admin listener`,
      )
    }
    const { code, detail, lines } = await problemOf(response)
    if (code === 'WA_CONFIGURATION')
      throw new AskError(`the gateway refuses its configuration, and nothing has changed:\n${lines}`)
    // The gateway knows the fields of its lists, and says which word of the command line is wrong.
    if (code === 'WA_QUERY' && detail?.startsWith(BAD_FILTER)) throw new UsageError(detail, this.#command)
    if (response.status === 404 && code?.startsWith('WA_'))
      throw new MissingError(detail ?? `there is no ${path}`)
    const why = code?.startsWith('WG_')
      ? 'it is the public listener of a gateway; --admin must be the URL of its admin listener'
      : this.#whyNot(response.status, path, detail)
    throw new AskError(`${this.url}${path} answered ${response.status}${why === undefined ? '' : `: ${why}`}`)
  }

  async #json<Page>(response: Response): Promise<Page> {
    try {
      return (await response.json()) as Page
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw this.#away(error as Error)
      throw new AskError(`something else than a gateway answers at ${this.url}: ${error.message}`)
    }
  }

  #away(error: Error): AskError {
    return new AskError(`no gateway answers at ${this.url}: ${whyNoAnswer(error)}`, true)
  }

  /** Says what an answer means that is none of the API, and what to do. */
  #whyNot(status: number, path: string, detail: string | undefined): string | undefined {
    switch (status) {
      case 401:
        return this.token === undefined
          ? 'it asks for a token: set WAYGATE_ADMIN_TOKEN'
          : 'the token in WAYGATE_ADMIN_TOKEN or adminToken is not one of the gateway'
      case 403:
        if (detail?.includes('waygate admin-token')) return detail
        return `${detail ?? 'it is not allowed'}; a token of another role may be allowed to: set WAYGATE_ADMIN_TOKEN`
      case 404:
        return path.startsWith('/api/v1')
          ? 'the gateway is older than this command, or something else listens there; use the waygate of its version, or update it'
          : 'no Waygate listens there: --admin must be the URL of its admin listener'
      default:
        return detail
    }
  }
}

function whyNoAnswer(error: Error): string {
  if (error.name === 'TimeoutError') return 'there was no answer in time; it may be overloaded or stopped'
  if (!(error.cause instanceof Error)) return String(error)
  const { message, code = '' } = error.cause as NodeJS.ErrnoException
  // OpenSSL's own text names neither the mistake nor the cure.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'it does not speak TLS; write http:// in place of https://'
  return message || code
}

function fromEnvironment(): string | undefined {
  const text = process.env[ADMIN_VARIABLE]
  if (text === undefined || text.trim() === '') return undefined
  const url = readAdminUrl(text)
  if (url === undefined) throw new AskError(`${ADMIN_VARIABLE} ${notAnAdminUrl(text)}`)
  return url
}

/** Returns what a problem document says; nothing when the answer is none. */
async function problemOf(response: Response): Promise<{ code?: string; detail?: string; lines?: string }> {
  try {
    const { code, detail } = (await response.json()) as { code?: unknown; detail?: unknown }
    return {
      ...(typeof code === 'string' && { code }),
      ...(typeof detail === 'string' && {
        detail: visible(detail),
        lines: detail.split('\n').map(visible).join('\n'),
      }),
    }
  } catch {
    return {}
  }
}
