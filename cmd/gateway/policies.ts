import type { PolicyName, RuleOf } from '../../config/policies/policies.ts'
import type { CreatePolicy } from '../../internal/policy.ts'
import { type ClientsTools, createClients } from '../../middleware/policies/clients.ts'
import { type CompressTools, createCompress } from '../../middleware/policies/compress.ts'
import { createConcurrency } from '../../middleware/policies/concurrency.ts'
import { type CorsTools, createCors } from '../../middleware/policies/cors.ts'
import type { CredentialTools } from '../../middleware/policies/credential-places.ts'
import { createErrors } from '../../middleware/policies/errors.ts'
import {
  createFixedAnswer,
  createMock,
  type FixedAnswerTools,
} from '../../middleware/policies/fixed-answer.ts'
import { createRequestHeaders, createResponseHeaders } from '../../middleware/policies/headers.ts'
import { createHttpsOnly } from '../../middleware/policies/https-only.ts'
import type { LimitTools } from '../../middleware/policies/limit-stage.ts'
import { createMirror, type MirrorTools } from '../../middleware/policies/mirror.ts'
import { createQuota } from '../../middleware/policies/quota.ts'
import { createRateLimit } from '../../middleware/policies/rate-limit.ts'
import { createRedirect } from '../../middleware/policies/redirect.ts'
import { createRequestLimits, type RequestLimitsTools } from '../../middleware/policies/request-limits.ts'
import { createRewrite, type RewriteTools } from '../../middleware/policies/rewrite.ts'
import { createSecurityHeaders } from '../../middleware/policies/security-headers.ts'
import { createSplit, type SplitTools } from '../../middleware/policies/split.ts'

/** The tools of all policies. Each policy takes those it needs. */
export type PolicyTools = ClientsTools &
  CorsTools &
  CredentialTools &
  FixedAnswerTools &
  RequestLimitsTools &
  RewriteTools &
  LimitTools &
  SplitTools &
  CompressTools &
  MirrorTools

/**
 * Every policy, in the order in which a request meets them; an answer meets them in the opposite order. With the
 * wrappers in upstream.ts this is the whole order of a request:
 *
 * 1. open exchange, overload guard, route
 * 2. policies before authentication: `onRequest`, from the top of this list
 * 3. authentication, length of the body
 * 4. policies after it: `onAuthorized`, from the top
 * 5. forward: request id, X-Forwarded-*, identity; then `around`, the first policy outermost, and the wrappers
 * 6. the answer: `onResponse`, from the bottom; refusals of every step above take this way out too. What a node sends
 *    beside the head of its answer, interim answers and trailers, loses the fields that a policy hides
 * 7. the body of an answer that is no refusal: `transform`, from the bottom, when all heads are edited
 */
export const CHAIN = {
  // Addresses come first: they are the cheapest to judge, and they cover preflights too.
  clients: createClients,
  // It has no step: it gives refusals of any step their bodies.
  errors: createErrors,
  // Near the top, because an answer meets it last: what other policies make of a body is compressed too.
  compress: createCompress,
  httpsOnly: createHttpsOnly,
  // It only edits answers. They meet it after `cors`.
  securityHeaders: createSecurityHeaders,
  // Before authentication, because a browser sends preflights without credentials.
  cors: createCors,
  requestLimits: createRequestLimits,
  // Behind preflights, which count against no limit.
  rateLimit: createRateLimit,
  quota: createQuota,
  // These answer behind all limits but `concurrency`, so they take no place.
  redirect: createRedirect,
  respond: createFixedAnswer,
  mock: createMock,
  // Before the policies that may use the name of the variant, and the headers by which it is chosen.
  split: createSplit,
  // Behind `split`, whose variant may be its key. What other policies refuse or answer takes no place.
  concurrency: createConcurrency,
  // After all that judges a request, which must judge what the client has sent.
  rewrite: createRewrite,
  requestHeaders: createRequestHeaders,
  // Innermost: what other policies answer is not copied, and what they change is.
  mirror: createMirror,
  responseHeaders: createResponseHeaders,
} as const satisfies { readonly [Name in PolicyName]: CreatePolicy<RuleOf<Name>, PolicyTools> }
