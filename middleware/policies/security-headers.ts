import { getHeader, removeHeaders } from '../../internal/http/header-lines.ts'
import { type LevelRule, type Policy, schemeOf } from '../../internal/policy.ts'

type Preset = 'api' | 'web'

export type SecurityHeadersRule =
  | Preset
  | {
      readonly preset?: Preset | undefined
      /** 0 = the header is not sent. Default: 0. */
      readonly hstsSeconds?: number | undefined
      readonly hstsSubdomains?: boolean | undefined
      readonly csp?: string | undefined
      readonly frame?: string | undefined
      readonly permissions?: string | undefined
      /** Names of headers of nodes that clients do not get. */
      readonly remove?: readonly string[] | undefined
    }

const CSP = 'content-security-policy'
const FRAME = 'x-frame-options'
const REFERRER = 'referrer-policy'
const HSTS = 'strict-transport-security'

/** `api`: answers are never shown as a page. `web`: they are pages of one's own. */
const PRESETS: Readonly<Record<Preset, Readonly<Record<string, string>>>> = {
  api: {
    [CSP]: "default-src 'none'; frame-ancestors 'none'",
    [FRAME]: 'DENY',
    [REFERRER]: 'no-referrer',
  },
  web: {
    [FRAME]: 'SAMEORIGIN',
    [REFERRER]: 'strict-origin-when-cross-origin',
    'cross-origin-opener-policy': 'same-origin-allow-popups',
  },
}
/** They tell an attacker which weaknesses to try. */
const TELLTALE = ['server', 'x-powered-by']

/** The heads of these say nothing of a body; a 304 would replace what the node has said of the stored one. */
const WITHOUT_BODY = new Set([101, 304])

/**
 * Sets headers of answers by which browsers protect users, where they are not set yet, and removes others. It acts on
 * refusals too.
 *
 * @param rules outer first: the last one counts, and everything that any of them removes is removed
 */
export function createSecurityHeaders(rules: readonly LevelRule<SecurityHeadersRule>[]): Policy {
  const levels = rules.map(({ rule }) => (typeof rule === 'string' ? { preset: rule } : rule))
  const { preset, csp, frame, permissions, hstsSeconds = 0, hstsSubdomains = false } = levels.at(-1)!
  const removed = new Set(levels.flatMap(({ remove = TELLTALE }) => remove.map(name => name.toLowerCase())))
  const isRemoved = (spelling: string) => removed.has(spelling.toLowerCase())
  const values = Object.entries({
    'x-content-type-options': 'nosniff',
    ...(preset && PRESETS[preset]),
    ...(csp !== undefined && { [CSP]: csp }),
    ...(frame !== undefined && { [FRAME]: frame }),
    ...(permissions !== undefined && { 'permissions-policy': permissions }),
  })
  const hsts = hstsSeconds > 0 && `max-age=${hstsSeconds}${hstsSubdomains ? '; includeSubDomains' : ''}`
  return {
    onResponse: ({ status, headers }, exchange) => {
      removeHeaders(headers, isRemoved)
      if (WITHOUT_BODY.has(status)) return
      for (const [name, value] of values) {
        if (getHeader(headers, name) === undefined) headers.push(name, value)
      }
      if (hsts && schemeOf(exchange) === 'https' && getHeader(headers, HSTS) === undefined) {
        headers.push(HSTS, hsts)
      }
    },
    hidesFromClient: isRemoved,
  }
}
