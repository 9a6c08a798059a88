import type { TSchema } from 'typebox'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'

/** What a rule is judged with. */
export interface RuleContext {
  /** The route document that holds the rule; undefined for a rule of `routes.defaults`. */
  readonly document?: Readonly<Record<string, unknown>> | undefined
  /** Lower-case names of the headers that carry the identity; undefined = not known here, and not judged. */
  readonly identityHeaders?: readonly string[] | undefined
  /** The limits for all requests, in bytes; undefined = not known here, and not judged. */
  readonly clientLimits?: { readonly targetBytes: number; readonly headerBytes: number } | undefined
  /** Whether any request can be known to have come over TLS; undefined = not known here, and not judged. */
  readonly knowsTls?: boolean | undefined
  /** Whether there is a store for shared limits; undefined = not known here, and not judged. */
  readonly hasLimitStore?: boolean | undefined
  /** How many processes the gateway has; undefined = not known here. */
  readonly workers?: number | undefined
  /** Whether routes without `auth` ask for no credentials; undefined = not known here. */
  readonly isOpenByDefault?: boolean | undefined
  /** Whether there is a secret that signs cookies; undefined = not known here, and not judged. */
  readonly hasCookieSecret?: boolean | undefined
}

/** What is wrong with a rule whose cookie is signed where there is no secret; it follows what the rule says. */
export const NO_COOKIE_SECRET =
  'needs a secret to sign its cookie: set WAYGATE_COOKIE_SECRET or routes.stickyCookie.secretFile'

/** One policy as the configuration knows it: the field of a route document that holds its rule. */
export interface PolicyRule<Schema extends TSchema = TSchema, Adds extends boolean = boolean> {
  /** Its description is the documentation of the field. */
  readonly schema: Schema
  /**
   * What happens to the rule of `routes.defaults` when a document has its own. True: both apply, outer first, and the
   * policy gets a list. Default: false, the document's replaces it.
   */
  readonly adds?: Adds
  /** Whether the policy answers every request itself, so that a document with it has no `service`. Default: false. */
  readonly answers?: boolean
  /**
   * Whether the policy does nothing where the policy of another field answers every request, perhaps unless a member of its
   * rule is true. Default: false.
   */
  readonly needsNode?: boolean | { readonly unless: string }
  /** Whether only documents may have the rule, not `routes.defaults`. Default: false. */
  readonly isOfDocuments?: boolean
  /** Finds what the schema cannot express. Fields of the wrong type are skipped: the schema reports those. */
  readonly problems?: (rule: unknown, context: RuleContext) => Iterable<Finding>
  /** Finds what is valid but probably not intended. Accepts any value. */
  readonly warnings?: (rule: unknown, context: RuleContext) => Iterable<Finding>
}

/** Declares a policy rule; exists for its types. */
export function policyRule<Schema extends TSchema, Adds extends boolean = false>(
  rule: PolicyRule<Schema, Adds>,
): PolicyRule<Schema, Adds> {
  return rule
}

/** The member `enforce` of the policies that refuse requests. Default: true. */
export const ENFORCE = Type.Optional(
  Type.Boolean({ description: 'False: refusals are counted and logged, and the request passes.' }),
)

/** Returns the strings of a value that should be a list of strings, with their index. */
export function textsOf(value: unknown): (readonly [index: number, text: string])[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((item, index) => (typeof item === 'string' ? [[index, item] as const] : []))
}
