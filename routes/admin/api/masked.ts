import { hash, randomBytes } from 'node:crypto'
import type { Filter } from '../../../internal/telemetry/filter.ts'
import { mapTexts } from '../../../internal/text/map-texts.ts'
import type { RequestDetail, RequestEntry } from '../api-types.ts'

/** Of this process, so that nobody can make the stand-ins of all addresses beforehand. */
const key = randomBytes(32).toString('hex')

/**
 * Returns what stands in for a client or a user: `~` and 8 hexadecimal digits. It is the same for the same one until the
 * process ends, so that requests of one client can still be told from those of others.
 */
function standIn(value: string): string {
  return `~${hash('sha256', key + value).slice(0, 8)}`
}

/** Hides the client and the user of a request. */
export function maskRequest(entry: RequestEntry): RequestEntry {
  const { client, user, reason } = entry
  return {
    ...entry,
    ...(client !== undefined && { client: standIn(client) }),
    ...(user !== undefined && { user: standIn(user) }),
    ...(reason !== undefined && { reason: withoutClient(reason, client) }),
  }
}

function withoutClient(text: string, client: string | undefined): string {
  return client ? text.replaceAll(client, standIn(client)) : text
}

/** Returns a filter that sees what somebody sees from whom clients and users are hidden. */
export function maskedFilter(fits: Filter): Filter {
  return fields =>
    fits({
      ...fields,
      get client() {
        return fields.client && standIn(fields.client)
      },
      get user() {
        return fields.user && standIn(fields.user)
      },
    })
}

/** Returns whether a filter looks at what is hidden. */
export function asksForHidden(filter: string): boolean {
  return filter.split(/\s+/).some(word => /^-?(?:client|user)\b/i.test(word))
}

/** Returns the first requests that fit a filter, with clients and users hidden. */
export function maskRequests(entries: readonly RequestEntry[], fits: Filter, limit: number): RequestEntry[] {
  return entries.filter(maskedFilter(fits)).slice(0, limit).map(maskRequest)
}

/** Hides the client and the user of a request, also in the explanation, which shows the headers that a node would get. */
export function maskDetail({ request, tries, explain }: RequestDetail): RequestDetail {
  const { client } = request
  return {
    request: maskRequest(request),
    tries,
    explain: mapTexts(explain, text => withoutClient(text, client)) as RequestDetail['explain'],
  }
}
