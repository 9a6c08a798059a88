import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { PROBLEM_CONTENT_TYPE } from '../../internal/http/errors.ts'
import { loadOnce } from '../../internal/load-once.ts'
import { NO_SCHEMAS } from '../no-schemas.ts'
import { type AdmitOptions, createAdmit } from './admit.ts'
import type { Api, ApiOptions } from './api/api-options.ts'
import { API_ERRORS, ApiError, type ApiErrorCode, apiProblem } from './api-errors.ts'
import type { ApiPages, FeaturesPage } from './api-types.ts'
import type { Caller } from './callers.ts'
import { LOCAL_CALLER } from './callers.ts'
import { chooseFormat, PAGE_FORMATS } from './metrics/openmetrics-text.ts'
import type { AdminPages } from './page-types.ts'
import type { ReloadConfiguration } from './reload-types.ts'
import { oneAtATime } from './turns.ts'
import { isOfUi, serveUi } from './ui/serve-ui.ts'
import { JSON_TYPE, sendPieces, writeRoutes, writeServices } from './write-pages.ts'

const API_PREFIX = '/api/v1/'

/** The largest route document is 256 KiB. */
const MAX_BODY_BYTES = 300 * 1024

/** Longer, and a client without a token could keep any number of connections, or one with a token the memory of any number of pages. */
const PATIENCE_MS = 60_000

/** Each takes a file descriptor and memory away from traffic. Viewers, scrapes and probes need far fewer. */
const MAX_CONNECTIONS = 1_000

/** The longest name of a service, each of its characters percent-encoded. */
const MAX_NAME_CHARS = 3 * 255

/** What the configuration says about the listener. */
export interface AdminSettings extends AdmitOptions {
  readonly features: FeaturesPage
}

export interface AdminOptions extends AdminSettings {
  /** The settings in force, read at each request. Default: those of the options. */
  readonly settings?: { readonly current: AdminSettings } | undefined
  readonly pages: AdminPages
  readonly api: ApiPages
  /** Reloads the configuration; undefined = the listener cannot be asked to. */
  readonly reload?: ReloadConfiguration | undefined
  /** Is called with errors that are ours. */
  readonly onInternalError: (error: unknown) => void
  /** How long a request may take to arrive, and its answer to be read on, milliseconds. Default: 60,000. */
  readonly patienceMs?: number | undefined
  /** How many connections there may be; further ones are closed at once. Default: 1,000. */
  readonly maxConnections?: number | undefined
}

/**
 * Makes the admin listener, which does not listen yet: /routes, /services, /services/{name}/methods, /metrics, /healthz and
 * /readyz, the API below /api/v1, and the page of the dashboard. The caller closes it. `createAdmit` says who may ask for what.
 */
export function createAdmin(options: AdminOptions): FastifyInstance {
  const {
    pages,
    api,
    reload,
    onInternalError,
    settings = { current: options },
    patienceMs = PATIENCE_MS,
    maxConnections = MAX_CONNECTIONS,
  } = options
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: patienceMs,
    http: { headersTimeout: patienceMs, connectionsCheckingInterval: patienceMs / 4 },
    routerOptions: { maxParamLength: MAX_NAME_CHARS },
    schemaController: NO_SCHEMAS,
    // Of a path that cannot be decoded, or has too long a part, Fastify asks nobody else.
    frameworkErrors: ({ code }, _request, reply) =>
      refuse(reply, code === 'FST_ERR_BAD_URL' ? BAD_PATH : NO_PAGE),
  })
  app.server.maxConnections = maxConnections
  let admission = { of: settings.current, admit: createAdmit(settings.current) }
  /** Who has sent a request, by which settings. */
  const judged = new WeakMap<
    FastifyRequest,
    { readonly caller: Caller | undefined; readonly by: AdminSettings }
  >()
  const callerOf = (request: FastifyRequest) => judged.get(request)?.caller ?? NOBODY
  const admit = (request: FastifyRequest) => {
    const { current } = settings
    if (admission.of !== current) admission = { of: current, admit: createAdmit(current) }
    return admission.admit(request)
  }
  const judge = (request: FastifyRequest) =>
    judged.set(request, { caller: admit(request), by: settings.current })
  const metrics = new Map(PAGE_FORMATS.map(format => [format, oneAtATime(() => pages.metrics(format))]))
  const services = oneAtATime(() => pages.services())
  const routes = oneAtATime(() => pages.routes())

  // No question is plain text, which any web page may post without asking.
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', (request, _reply, done) => {
    try {
      judge(request)
      // Some clients name the type of every body, also of none.
      if (hasNoBody(request.headers)) delete request.headers['content-type']
      if (!settings.current.features.dashboard && isOfUi(request.url)) throw NO_PAGE
      done()
    } catch (error) {
      done(error as ApiError)
    }
  })
  app.addHook('preHandler', (request, _reply, done) => {
    // A body may have taken a minute, and a reload may have taken the token away meanwhile.
    try {
      if (judged.get(request)?.by !== settings.current) judge(request)
      done()
    } catch (error) {
      done(error as ApiError)
    }
  })
  app.addHook('onSend', (_request, { raw }, _payload, done) => {
    // Until the answer has been sent: Node sets the time for the next request then.
    raw.setTimeout(patienceMs, () => raw.destroy())
    done()
  })
  app.setNotFoundHandler((_request, reply) => refuse(reply, NO_PAGE))
  app.setErrorHandler((error: FastifyError | ApiError, _request, reply) => refuse(reply, toApiError(error)))

  serveUi(app, reply => refuse(reply, NO_PAGE))
  serveApi(app, {
    get features() {
      return settings.current.features
    },
    ...{ api, reload, callerOf, followAdmission, onInternalError },
    pages: {
      routes,
      services,
      leases: oneAtATime(() => api.leases()),
      figures: oneAtATime(() => api.figures()),
      serviceSummaries: oneAtATime(() => api.serviceSummaries()),
      explain: question => pages.explain(question),
      check: question => pages.check(question),
    },
  })
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (pages.isReady()) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready' })
  })
  app.get('/metrics', async ({ headers }, reply) => {
    const format = chooseFormat(headers.accept)
    return send(reply.header('vary', 'accept'), await metrics.get(format)!(), format.contentType)
  })
  app.get<{ Params: { name: string } }>('/services/:name/methods', async ({ params: { name } }) => {
    const page = await pages.methods(name)
    if (page !== undefined) return page
    throw new ApiError('WA_NOT_FOUND', 'the service has no nodes that speak gRPC')
  })
  app.get('/services', async (_request, reply) => send(reply, writeServices(await services()), JSON_TYPE))
  app.get('/routes', async (_request, reply) => send(reply, writeRoutes(await routes()), JSON_TYPE))
  return app

  function send(
    reply: FastifyReply,
    pieces: Iterable<string> | AsyncIterable<string>,
    type: string,
  ): FastifyReply {
    return sendPieces(reply.type(type), pieces, onInternalError)
  }

  function followAdmission(request: FastifyRequest): () => boolean {
    // The API may have been loaded since, for the first request.
    let judgedBy = judged.get(request)?.by
    let isAdmitted = true
    return () => {
      if (settings.current === judgedBy) return isAdmitted
      judgedBy = settings.current
      isAdmitted = isSameCaller(request)
      return isAdmitted
    }
  }

  function isSameCaller(request: FastifyRequest): boolean {
    const { role, isMasked } = callerOf(request)
    try {
      const now = admit(request) ?? NOBODY
      return now.role === role && now.isMasked === isMasked
    } catch {
      return false
    }
  }

  function toApiError(error: FastifyError | ApiError): ApiError {
    if (error instanceof ApiError) return error
    const { statusCode = 500, message } = error
    // Requests that Fastify refuses have a status.
    const [code, detail = message] = REFUSALS[statusCode] ?? ['WA_REQUEST']
    if (statusCode < 500) return new ApiError(code, detail)
    onInternalError(error)
    return new ApiError('WA_INTERNAL', 'the gateway failed; its log has the reason')
  }
}

/** What Fastify does not take for the path of a target either: the scheme and the host, the query and the fragment. */
const BESIDE_PATH = /^https?:\/\/[^/]*|[?#].*$/gs

/**
 * Adds the API to the admin listener. Its modules and schemas are loaded at the first request: most gateways are never asked.
 * Streams get their last event before the listener is closed.
 */
function serveApi(app: FastifyInstance, options: ApiOptions): void {
  const load = loadOnce(async () => (await import('./api/router.ts')).createApi(options))
  let loading: Promise<Api> | undefined
  app.all(`${API_PREFIX}*`, { bodyLimit: MAX_BODY_BYTES }, async (request, reply) => {
    loading = load()
    const path = request.url.replace(BESIDE_PATH, '')
    return (await loading).answer(request, reply, path.slice(API_PREFIX.length))
  })
  app.addHook('preClose', async () => {
    const api = await loading?.catch(() => undefined)
    await api?.close('the admin listener closes')
  })
}

function hasNoBody(headers: FastifyRequest['headers']): boolean {
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}

/** Somebody whom nobody asked for a token. */
const NOBODY: Caller = { ...LOCAL_CALLER, name: 'nobody', isMasked: true }

const BAD_PATH = new ApiError('WA_REQUEST', 'the path has a malformed percent-encoding')
const NO_PAGE = new ApiError('WA_NOT_FOUND', 'the admin listener has no such page')

/** What Fastify refuses by itself: the code, and the detail where Fastify's own names no cure. */
const REFUSALS: Readonly<Record<number, readonly [code: ApiErrorCode, detail?: string]>> = {
  400: ['WA_BODY'],
  413: ['WA_TOO_LARGE', 'the body is larger than 300 KiB'],
  415: ['WA_CONTENT_TYPE', 'the content type of a body must be application/json'],
}

function refuse(reply: FastifyReply, error: ApiError): FastifyReply {
  return reply
    .code(API_ERRORS[error.code].status)
    .headers(error.headers)
    .type(PROBLEM_CONTENT_TYPE)
    .send(JSON.stringify(apiProblem(error)))
}
