import { MAX_HEADER_LINES } from '../../internal/http/header-lines.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { ENFORCE, policyRule } from './policy-rule.ts'

/** `requestLimits`: what a request of the route may be like. */
export const requestLimits = policyRule({
  schema: closed(
    {
      targetBytes: Type.Optional(
        Type.Integer({
          minimum: 1,
          description:
            'Longest target, path and query, as the client spells it. A longer one is answered 414.',
        }),
      ),
      headerBytes: Type.Optional(
        Type.Integer({
          minimum: 1,
          description:
            'Largest header block as it was received: names, values, colons, spaces and line ends, without the request line. A larger one is answered 431.',
        }),
      ),
      headerLines: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: MAX_HEADER_LINES,
          description: 'Most header lines. With more, a request is answered 431.',
        }),
      ),
      queryParameters: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: 'Most parameters in the query. With more, a request is answered 400.',
        }),
      ),
      contentTypes: Type.Optional(
        Type.Array(MEDIA_TYPE, {
          minItems: 1,
          maxItems: 64,
          description:
            'Content types that a body may have: `application/json`, `image/*`, `application/*+json`, or `+json` for all that end so. Parameters do not matter. Another one is answered 415; a body without a type counts as `application/octet-stream`.',
        }),
      ),
      lengthRequired: Type.Optional(
        Type.Boolean({
          description:
            'Whether a body must come with its length. One without (`Transfer-Encoding: chunked`) is answered 411. Absent: false.',
        }),
      ),
      enforce: ENFORCE,
    },
    {
      minProperties: 1,
      title: 'request limits',
      description:
        'What a request of the route may be like ([requestLimits](policies/request-limits.md)): `{"queryParameters": 10, "contentTypes": ["application/json"]}`. The limits for all requests are in `clientLimits`.',
    },
  ),
  *problems(rule, { clientLimits }) {
    if (clientLimits === undefined) return
    const members = membersOf(rule)
    for (const field of ['targetBytes', 'headerBytes'] as const) {
      const value = members[field]
      const most = clientLimits[field]
      if (typeof value === 'number' && value > most)
        yield { path: [field], message: `must be <= clientLimits.${field}, which is ${most}, not ${value}` }
    }
  },
})
