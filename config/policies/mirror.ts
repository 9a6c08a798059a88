import { under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, METHOD, membersOf, NAME_PATTERN, NAME_TITLE } from '../kit/values.ts'
import { findRequestChangeProblems, OPERATIONS } from './headers.ts'
import { findNodeSelectorProblems, nodeSelector } from './node-selector.ts'
import { findPercentProblems } from './percent.ts'
import { policyRule } from './policy-rule.ts'

/** `mirror`: sends copies of requests to another service. */
export const mirror = policyRule({
  schema: closed(
    {
      service: Type.String({
        pattern: NAME_PATTERN,
        title: NAME_TITLE,
        description: 'The service that gets the copies.',
      }),
      nodes: Type.Optional(
        nodeSelector(
          'The nodes of the service that get the copies. Absent: all that do not wait to be selected.',
        ),
      ),
      percent: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 100,
          description:
            'The share of the requests that are copied, in steps of 0.01, chosen at random. Absent: 100.',
        }),
      ),
      methods: Type.Optional(
        Type.Array(METHOD, {
          minItems: 1,
          description:
            'Methods of the requests that are copied. Absent: GET and HEAD, because a copy that changes something changes it twice.',
        }),
      ),
      body: Type.Optional(
        Type.Boolean({ description: 'Whether copies have the bodies of their requests. Absent: true.' }),
      ),
      maxBodyBytes: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 1_048_576,
          description: 'Requests with longer bodies are not copied, but counted. Absent: 65536.',
        }),
      ),
      timeoutMs: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 60_000,
          description: 'How long a copy may take until its answer is over, milliseconds. Absent: 5000.',
        }),
      ),
      maxInFlight: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 10_000,
          description:
            'Copies of the route that a process has on their way at the same time. Further ones are not sent, but counted. Absent: 100.',
        }),
      ),
      credentials: Type.Optional(
        Type.Boolean({
          description:
            'Whether copies have what says who asks: Authorization, Cookie, the API key, a token in the query, and what the gateway says of the client. Absent: false.',
        }),
      ),
      headers: Type.Optional(
        closed(
          { set: OPERATIONS.set, remove: OPERATIONS.remove },
          {
            minProperties: 1,
            description:
              'Changes the headers of copies, as `requestHeaders` does: `{"set": {}, "remove": []}`.',
          },
        ),
      ),
    },
    {
      title: 'mirroring',
      description:
        'Sends copies of requests to another service, whose answers nobody gets: `{"service": "orders-next", "percent": 10}`.',
    },
  ),
  needsNode: true,
  *problems(rule, context) {
    const { headers, nodes, percent } = membersOf(rule)
    yield* under(['nodes'], findNodeSelectorProblems(nodes))
    yield* under(['percent'], findPercentProblems(percent))
    yield* under(['headers'], findRequestChangeProblems(headers, context))
  },
})
