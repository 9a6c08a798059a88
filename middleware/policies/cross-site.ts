import { normaliseHost } from '../../internal/http/authority.ts'
import { getAllHeaders } from '../../internal/http/header-lines.ts'
import { askedHostOf, type Exchange, schemeOf } from '../../internal/policy.ts'

/** Values of Sec-Fetch-Site of requests that no other site has caused. */
const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'same-site', 'none'])
/** Schemes of HTTP authentication whose credentials a browser sends on its own, once it has them. */
const BROWSER_SCHEMES = /(?:^|, *)(?:basic|digest|negotiate|ntlm)\b/i

/**
 * Returns whether a request may have been caused by a page of another site and carries what a browser adds on its own:
 * cookies, a password or a client certificate. When the browser does not say which site it was (Sec-Fetch-Site), Origin and
 * Referer do; a request with none of these was caused by no page, or by one that was not read over TLS.
 */
export function isForeignAndAuthenticated(exchange: Exchange): boolean {
  return carriesBrowserCredentials(exchange) && isForeign(exchange)
}

function carriesBrowserCredentials({ request: { rawHeaders }, call }: Exchange): boolean {
  return (
    getAllHeaders(rawHeaders, 'cookie') !== undefined ||
    BROWSER_SCHEMES.test(getAllHeaders(rawHeaders, 'authorization') ?? '') ||
    call.tls?.certificate !== undefined
  )
}

function isForeign(exchange: Exchange): boolean {
  const { rawHeaders } = exchange.request
  const site = getAllHeaders(rawHeaders, 'sec-fetch-site')
  if (site !== undefined) return !OWN_SITES.has(site)
  return ['origin', 'referer'].some(name => {
    const page = getAllHeaders(rawHeaders, name)
    return page !== undefined && !isOwn(page, exchange)
  })
}

/** Returns whether a URL has the scheme and the host of the request. Whether two hosts are one site cannot be known here. */
function isOwn(page: string, exchange: Exchange): boolean {
  const url = URL.parse(page)
  if (url === null || url.protocol !== `${schemeOf(exchange)}:`) return false
  return url.hostname === normaliseHost(askedHostOf(exchange) ?? '')
}
