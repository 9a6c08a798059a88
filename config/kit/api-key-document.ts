import type { Static } from 'typebox'
import { type Finding, toReason } from './problem.ts'
import { Type } from './type.ts'
import { findProblems } from './validate.ts'
import { closed, membersOf, TIME_PATTERN } from './values.ts'

const WORDS = Type.Array(Type.String({ minLength: 1, pattern: '^\\S+$', title: 'one word' }))

/** The schema of the value of an etcd key below `apiKeys.prefix`, whose name is the SHA-256 of an API key. */
const ApiKeyDocument = closed(
  {
    owner: Type.String({ minLength: 1, maxLength: 255 }),
    scopes: Type.Optional(WORDS),
    roles: Type.Optional(WORDS),
    claims: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    expiresAt: Type.Optional(
      Type.String({
        pattern: TIME_PATTERN,
        title: 'a time such as 2030-01-31T12:00:00Z',
      }),
    ),
  },
  { title: 'API key' },
)

export type ApiKeyDocument = Static<typeof ApiKeyDocument>

/** Finds everything wrong with the value of an API key. */
export function findApiKeyProblems(document: unknown): Finding[] {
  const found = findProblems(ApiKeyDocument, document)
  const { expiresAt } = membersOf(document)
  if (found.length === 0 && expiresAt !== undefined && Number.isNaN(Date.parse(String(expiresAt)))) {
    found.push({ path: ['expiresAt'], message: 'is not an existing date and time' })
  }
  return found
}

/** Returns the document, or why it cannot be used: every problem with its JSON path. Never throws. */
export function parseApiKeyDocument(
  document: unknown,
): { readonly document: ApiKeyDocument } | { readonly reason: string } {
  const findings = findApiKeyProblems(document)
  if (findings.length === 0) return { document: document as ApiKeyDocument }
  return { reason: toReason(findings) }
}
