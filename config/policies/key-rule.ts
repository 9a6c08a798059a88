import type { TSchema } from 'typebox'
import { claimPathProblem } from '../kit/claim-path.ts'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf, TOKEN_PATTERN } from '../kit/values.ts'
import type { RuleContext } from './policy-rule.ts'
import { reservedInRequests } from './reserved-headers.ts'

const PLACE = closed(
  {
    header: Type.Optional(Type.String({ pattern: TOKEN_PATTERN, title: 'a header name' })),
    cookie: Type.Optional(Type.String({ pattern: TOKEN_PATTERN, title: 'a cookie name' })),
    query: Type.Optional(Type.String({ minLength: 1, description: 'A parameter of the query.' })),
    claim: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'A claim of the identity. Dots lead into nested objects.',
      }),
    ),
    pathParameter: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        title: 'a path parameter, without colon',
        description: 'The value of a `:name` segment of the path.',
      }),
    ),
  },
  { minProperties: 1, maxProperties: 1, title: 'a place in the request' },
)

const WORDS = ['address', 'route', 'service', 'subject'] as const
const MAX_PARTS = 8

/** The schema of a key: by what requests are told apart. */
export const KEY = keyOf(Type.Enum([...WORDS], { type: 'string' }))

/** The schema of a key where the variant of a `split` is known. */
export const KEY_WITH_VARIANT = keyOf(Type.Enum([...WORDS, 'variant'], { type: 'string' }))

function keyOf<Words extends TSchema>(words: Words) {
  return Type.Union([
    words,
    PLACE,
    Type.Array(Type.Union([words, PLACE]), { minItems: 1, maxItems: MAX_PARTS }),
  ])
}

/**
 * Finds what is wrong with a key beyond its schema: a header that never comes from a client, a parameter that the path does
 * not have, and an identity where the route has none. Accepts any value.
 */
export function* findKeyProblems(
  key: unknown,
  { document, identityHeaders }: RuleContext,
): Generator<Finding> {
  const parts = Array.isArray(key) ? key.entries() : [[undefined, key] as const]
  for (const [index, part] of parts) {
    const at = index === undefined ? [] : [index]
    const { header, claim, pathParameter } = membersOf(part)
    if (part === 'consumer')
      yield { path: at, message: 'needs consumers, which do not exist yet: use subject' }
    if (typeof header === 'string') {
      const isWithheld = reservedInRequests(header.toLowerCase(), identityHeaders) !== undefined
      if (isWithheld)
        yield { path: [...at, 'header'], message: 'is a header that is never taken from a client' }
    }
    if (typeof claim === 'string') yield* claimPathProblem(claim, [...at, 'claim'])
    if (typeof pathParameter === 'string' && typeof document?.path === 'string') {
      const { path } = document
      if (!path.split('/').includes(`:${pathParameter}`)) {
        yield { path: [...at, 'pathParameter'], message: `is not a parameter of the path ${path}` }
      }
    }
    if (needsIdentity(part) && document?.auth === 'none') {
      yield { path: at, message: 'needs an identity, but the route has auth: none' }
    }
  }
}

/** Whether a part of a key, or one of the parts of a list, is known only once a request is authenticated. */
export function needsIdentity(key: unknown): boolean {
  if (Array.isArray(key)) return key.some(needsIdentity)
  return key === 'subject' || membersOf(key).claim !== undefined
}

/** Warns of a key of which clients choose a part themselves. Accepts any value. */
export function* forgeableKeyWarnings(key: unknown): Generator<Finding> {
  if (!isForgeable(key)) return
  const message =
    'is whatever a client sends, so that one who sends another value each time has no limit; add a rateLimit with the key "address"'
  yield { path: [], message }
}

function isForgeable(key: unknown): boolean {
  if (Array.isArray(key)) return key.some(isForgeable)
  const { header, cookie, query } = membersOf(key)
  return header !== undefined || cookie !== undefined || query !== undefined
}
