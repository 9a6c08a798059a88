import { lookup, NODATA, NOTFOUND, promises, type RecordWithTtl, SERVFAIL } from 'node:dns'
import { setTimeout } from 'node:timers/promises'
import { candidatesOf, type SearchRules, SystemNames } from './system-names.ts'

/** What a name stands for. */
export interface FoundAddresses {
  /** At least one. */
  readonly addresses: readonly string[]
  /** How long they hold, milliseconds; 0 = it is not known. */
  readonly ttlMs: number
}

/** @throws Error with a `code` of node:dns, such as `ENOTFOUND` or `ETIMEOUT` */
export type NameQuery = (name: string) => Promise<FoundAddresses>

export interface NameQueryOptions {
  /** Name servers, `ADDRESS` or `ADDRESS:PORT`; the system is not asked then. Default: those of the system. */
  readonly servers?: readonly string[] | undefined
  /** Default: the files of this machine. */
  readonly system?: SystemNames
}

/** How long a server has for its first answer. The time doubles with each of the three tries: 3.5 s in all. */
const FIRST_TRY_MS = 500
const TRIES = 3
/**
 * How long the addresses of one family wait for those of the other. RFC 8305 section 3 proposes 50 ms; an answer that came
 * later each time would let connections move from one family to the other.
 */
const OTHER_FAMILY_MS = 250

/**
 * Creates a query that takes addresses from the hosts file, or else asks the name servers with packets of its own.
 * `getaddrinfo`, which the rest of Node uses, blocks a thread of a pool for as long as a name server is silent, and of these
 * threads two are for names: two dead names would take down everything that has a name, etcd included.
 *
 * A name that no name server knows may be one that only the system can resolve, such as one of multicast DNS. The system is
 * asked for one such name at a time.
 */
export function createNameQuery({ servers, system = new SystemNames() }: NameQueryOptions = {}): NameQuery {
  let resolver: promises.Resolver | undefined
  let rules: SearchRules | undefined
  let askingSystem: Promise<unknown> = Promise.resolve()

  /** Returns the resolver, a new one when resolv.conf has changed, since a resolver reads it once. */
  const resolverFor = (present: SearchRules): promises.Resolver => {
    if (resolver !== undefined && rules === present) return resolver
    rules = present
    resolver = new promises.Resolver({ timeout: FIRST_TRY_MS, tries: TRIES })
    if (servers !== undefined) resolver.setServers(servers)
    return resolver
  }

  return async name => {
    const local = system.addressesOf(name)
    if (local !== undefined) return { addresses: local, ttlMs: 0 }
    const { searchRules } = system
    const asked = resolverFor(searchRules)
    let failure: NodeJS.ErrnoException | undefined
    for (const candidate of candidatesOf(name, searchRules)) {
      try {
        return await askServers(asked, candidate)
      } catch (error) {
        const problem = error as NodeJS.ErrnoException
        // As in glibc, a server that fails for one domain is asked for the next; one that is silent is not.
        if (!isUnknown(problem) && problem.code !== SERVFAIL) throw problem
        if (failure === undefined || !isUnknown(problem)) failure = problem
      }
    }
    if (!isUnknown(failure!) || servers !== undefined) throw failure
    const answer = askingSystem.then(() => askSystem(name))
    askingSystem = answer.catch(() => {})
    return answer.catch(() => Promise.reject(failure))
  }
}

/** Whether name servers have said that there is no such name, or that it has no address. */
function isUnknown({ code }: NodeJS.ErrnoException): boolean {
  return code === NOTFOUND || code === NODATA
}

async function askServers(resolver: promises.Resolver, name: string): Promise<FoundAddresses> {
  const queries = [
    resolver.resolve6(name, { ttl: true }).then(atLeastOne),
    resolver.resolve4(name, { ttl: true }).then(atLeastOne),
  ]
  await Promise.any(queries).catch(({ errors }: AggregateError) => {
    // That there is no address of one family says less than that the other is not known.
    throw errors.find(error => !isUnknown(error)) ?? errors[0]
  })
  const late = setTimeout(OTHER_FAMILY_MS, [], { ref: false })
  const found = await Promise.all(queries.map(each => Promise.race([each.catch(() => []), late])))
  const records = found.flat()
  return {
    addresses: records.map(({ address }) => address),
    ttlMs: 1_000 * Math.min(...records.map(({ ttl }) => ttl)),
  }
}

/** An alias whose name has no address of the family is answered with an empty list, where a name is answered with an error. */
function atLeastOne(records: RecordWithTtl[]): RecordWithTtl[] {
  if (records.length === 0)
    throw Object.assign(new Error('the name is an alias without an address'), { code: NODATA })
  return records
}

function askSystem(name: string): Promise<FoundAddresses> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true, verbatim: true }, (error, found) => {
      if (error) reject(error)
      else resolve({ addresses: found.map(({ address }) => address), ttlMs: 0 })
    })
  })
}
