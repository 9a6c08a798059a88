import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiPages, FeaturesPage } from '../api-types.ts'
import type { Caller } from '../callers.ts'
import type { AdminPages } from '../page-types.ts'
import type { ReloadConfiguration } from '../reload-types.ts'

/** What is read once for many callers, since it reads the whole table, or the registry. */
type SharedPages = Pick<ApiPages, 'leases' | 'figures' | 'serviceSummaries'>

/** What the API is answered from. */
export interface ApiOptions {
  readonly pages: Pick<AdminPages, 'routes' | 'services' | 'explain' | 'check'> & SharedPages
  readonly api: ApiPages
  readonly features: FeaturesPage
  /** Undefined = this gateway cannot. */
  readonly reload?: ReloadConfiguration | undefined
  readonly callerOf: (request: FastifyRequest) => Caller
  /**
   * Returns the function that says whether a request which was admitted would be so now, for a caller who may see the same: a
   * reload may have taken its token away.
   */
  readonly followAdmission: (request: FastifyRequest) => () => boolean
  readonly onInternalError: (error: unknown) => void
}

/** What answers requests below `/api/v1/`. */
export interface Api {
  /**
   * @param path behind the prefix, percent-encoded, without the query
   * @throws ApiError
   */
  answer(request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply>
  /** Ends all streams with a reason. */
  close(reason: string): Promise<void>
}
