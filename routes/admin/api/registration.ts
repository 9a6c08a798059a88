import { ApiError, type ApiErrorCode } from '../api-errors.ts'
import type { HeartbeatPage, RegisteredPage } from '../heartbeat-types.ts'
import { integer, object, oneOf, optional, string } from './json-schema.ts'
import { type ResourceContext, type ResourceRequest, resource } from './resource.ts'

const Registered = object<RegisteredPage>({
  service: string,
  id: string,
  outcome: oneOf('registered', 'updated', 'renewed', 'removed'),
  leftSeconds: optional(integer),
})

const PATH = '/services/{name}/nodes/{id}'

/** The resources with which processes register that have no client of the registry. Nothing else of the API writes. */
export const REGISTRATION = [
  resource({
    method: 'PUT',
    path: PATH,
    summary:
      'Registers a node, and renews it: repeat it well within the TTL. Without a body, it only renews. Needs the role register',
    body: {
      type: 'object',
      properties: {
        url: { type: 'string', description: 'Such as `http://10.0.0.7:3000`: protocol, host and port.' },
        address: { type: 'string', description: '`host:port` or `[v6]:port`.' },
        host: { type: 'string' },
        port: { type: 'integer', minimum: 1, maximum: 65_535 },
        protocol: { enum: ['http', 'https', 'h2c', 'h2', 'grpc', 'grpcs'], default: 'http' },
        weight: { type: 'integer', minimum: 0, maximum: 65_535, default: 1 },
        metadata: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
        ttlSeconds: { type: 'integer', minimum: 6, maximum: 3_600, default: 10 },
      },
      additionalProperties: false,
    },
    isBodyOptional: true,
    answer: Registered,
    async read(context, request) {
      const who = whoOf(context, request)
      return beat(context, who, request)
    },
  }),
  resource({
    method: 'DELETE',
    path: PATH,
    summary: 'Removes a node that was registered by PUT. Needs the role register',
    answer: Registered,
    async read(context, request) {
      const who = whoOf(context, request)
      const page = await context.api.farewell(who)
      if (page.outcome === 'removed') context.nodes.forget(keyOf(who))
      return answered(who, page)
    },
  }),
]

interface Who {
  readonly service: string
  readonly id: string
  readonly by: string
}

/** @throws ApiError when the caller may not do this, or does it too often */
function whoOf({ calls }: ResourceContext, { caller, path }: ResourceRequest): Who {
  const { name, role, services } = caller
  const service = path.name!
  if (role !== 'register' && role !== 'operate') {
    throw new ApiError(
      'WA_ROLE',
      'registering a node needs a token with the role register (waygate admin-token --name NAME --role register)',
    )
  }
  if (services !== undefined && !services.includes(service)) {
    throw new ApiError('WA_ROLE', `the token "${name}" registers nodes of ${services.join(', ')} alone`)
  }
  if (!calls.admits(name)) {
    throw new ApiError('WA_RATE', `the token "${name}" has made too many calls in a second`, {
      'retry-after': '1',
    })
  }
  return { service, id: path.id!, by: name }
}

/** @throws ApiError when it was refused */
async function beat({ api, nodes }: ResourceContext, who: Who, { caller, body }: ResourceRequest) {
  const { maxNodes = Number.POSITIVE_INFINITY } = caller
  const node = keyOf(who)
  const place = nodes.begin(who.by, node, maxNodes)
  const page = await api.heartbeat({ ...who, body, mustExist: place === 'full' })
  if ('leftSeconds' in page && page.leftSeconds !== undefined) nodes.keep(who.by, node, page.leftSeconds)
  else if (place === 'new' && page.outcome !== 'unreachable') nodes.giveUp(who.by, node)
  if (page.outcome === 'full') {
    throw new ApiError(
      'WA_NODE_LIMIT',
      `the token "${who.by}" has ${maxNodes} nodes registered; remove some, or raise admin.tokens.${who.by}.maxNodes`,
    )
  }
  return answered(who, page)
}

function keyOf({ service, id }: Who): string {
  return `${service}/${id}`
}

const CODES = {
  invalid: 'WA_BODY',
  expired: 'WA_NOT_REGISTERED',
  full: 'WA_NODE_LIMIT',
  taken: 'WA_TAKEN',
  'read-only': 'WA_READ_ONLY',
  unreachable: 'WA_REGISTRY',
} as const satisfies Record<Extract<HeartbeatPage, { detail: string }>['outcome'], ApiErrorCode>

/** @throws ApiError when it was refused */
function answered({ service, id }: Who, page: HeartbeatPage): RegisteredPage {
  if ('detail' in page) throw new ApiError(CODES[page.outcome], page.detail)
  return { service, id, ...page }
}
