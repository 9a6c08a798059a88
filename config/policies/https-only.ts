import { Type } from '../kit/type.ts'
import { closed } from '../kit/values.ts'
import { policyRule } from './policy-rule.ts'

/** `httpsOnly`: clients must use TLS. */
export const httpsOnly = policyRule({
  schema: Type.Union(
    [
      Type.Literal(true),
      closed(
        {
          port: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 65_535,
              description: 'The port that clients are sent to. Absent: 443.',
            }),
          ),
        },
        { title: 'a port for TLS' },
      ),
    ],
    {
      description:
        'Refuses requests that came without TLS ([httpsOnly](policies/https-only.md)): `true`, or `{"port": 8443}`. A plain GET or HEAD without credentials is sent to `https`, everything else gets 403. What a trusted proxy says of the protocol counts.',
    },
  ),
  *problems(rule, { knowsTls }) {
    if (knowsTls !== false || rule === false) return
    yield {
      path: [],
      message:
        'would refuse every request, because none can be known to use TLS: configure `tls`, or list the proxy that speaks TLS in `trustedProxies`',
    }
  },
})
