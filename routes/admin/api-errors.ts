import { QuietError } from '../../internal/http/quiet-error.ts'
import type { ReloadProblem } from './reload-types.ts'

/**
 * Every error of the admin listener: code, status and title. The detail says what is wrong with the request at hand, and the
 * cure. docs/admin-api.md explains each error, and a test checks that the two agree.
 */
export const API_ERRORS = {
  WA_QUERY: { status: 400, title: 'Bad query' },
  WA_BODY: { status: 400, title: 'Bad body' },
  WA_REQUEST: { status: 400, title: 'Bad request' },
  WA_TOKEN: { status: 401, title: 'Token required' },
  WA_ROLE: { status: 403, title: 'Role too low' },
  WA_NODE_LIMIT: { status: 403, title: 'Too many nodes' },
  WA_FOREIGN: { status: 403, title: 'Foreign request' },
  WA_NOT_FOUND: { status: 404, title: 'Not found' },
  WA_NOT_REGISTERED: { status: 404, title: 'Not registered' },
  WA_TAIL_OFF: { status: 404, title: 'Requests are not kept' },
  WA_METHOD: { status: 405, title: 'Method not allowed' },
  WA_TAKEN: { status: 409, title: 'Belongs to somebody else' },
  WA_TOO_LARGE: { status: 413, title: 'Body too large' },
  WA_CONTENT_TYPE: { status: 415, title: 'Unsupported content type' },
  WA_CONFIGURATION: { status: 422, title: 'Configuration refused' },
  WA_HOST: { status: 421, title: 'Unknown host' },
  WA_RATE: { status: 429, title: 'Too many calls' },
  WA_INTERNAL: { status: 500, title: 'Internal error' },
  WA_READ_ONLY: { status: 501, title: 'Registry cannot be written' },
  WA_NO_WORKER: { status: 503, title: 'No worker answers' },
  WA_REGISTRY: { status: 503, title: 'Registry does not answer' },
  WA_STREAMS: { status: 503, title: 'Too many streams' },
} as const satisfies Record<string, { status: number; title: string }>

export type ApiErrorCode = keyof typeof API_ERRORS

/** An error that the admin listener answers as a problem document. `message` is its detail. */
export class ApiError extends QuietError {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly headers: Readonly<Record<string, string>>
  /** What the problem document says besides. */
  readonly members: Pick<ApiProblem, 'problems'>

  constructor(
    code: ApiErrorCode,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    members: Pick<ApiProblem, 'problems'> = {},
  ) {
    super(detail)
    this.code = code
    this.headers = headers
    this.members = members
  }
}

/** The body of an error answer (RFC 9457). */
export interface ApiProblem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ApiErrorCode
  readonly detail: string
  /** Of WA_CONFIGURATION: what is wrong, one by one. */
  readonly problems?: readonly ReloadProblem[]
}

export function apiProblem({ code, message, members }: ApiError): ApiProblem {
  const { status, title } = API_ERRORS[code]
  return { type: `urn:waygate:error:${code}`, title, status, code, detail: message, ...members }
}
