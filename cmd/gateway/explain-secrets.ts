import { parameterName, parameterValue, queryOf } from '../../internal/http/query.ts'
import { mapTexts } from '../../internal/text/map-texts.ts'
import type { ExplainQuestion, ExplainStep } from '../../routes/admin/explain.ts'

/**
 * Returns the credentials that a question has: whole values, the part behind the scheme, and the values of cookies.
 *
 * @param names the headers that have some, in lower case
 * @param tokenParameter the query parameter that has some; undefined = none has
 */
export function secretsIn(
  { headers, url }: ExplainQuestion,
  names: ReadonlySet<string>,
  tokenParameter: string | undefined,
): readonly string[] {
  const values = headers.flatMap((value, i) => {
    if (i % 2 === 0 || !names.has(headers[i - 1]!.toLowerCase())) return []
    return [value, ...value.split(/[\s;]+/).map(part => part.replace(/^[^=]*=(?=.)/, ''))]
  })
  const tokens = queryOf(url.replace(/#.*/s, ''))
    .split('&')
    .filter(pair => tokenParameter !== undefined && parameterName(pair) === tokenParameter)
    .flatMap(pair => [parameterValue(pair), pair.slice(pair.indexOf('=') + 1)])
  // The longest first, so that no piece of one is left over.
  return [...values, ...tokens]
    .filter(value => value.length >= MIN_SECRET)
    .sort((a, b) => b.length - a.length)
}

/** Shorter texts are no secrets, and stand in many places. */
const MIN_SECRET = 4

/** Shows no credential, wherever a template or the query has put it. */
export function withoutSecrets(
  steps: readonly ExplainStep[],
  secrets: readonly string[],
): readonly ExplainStep[] {
  if (secrets.length === 0) return steps
  const hide = (text: string) =>
    secrets.reduce(
      (shown, secret) => shown.replaceAll(secret, HIDDEN).replaceAll(encodeURIComponent(secret), HIDDEN),
      text,
    )
  return steps.map(step => mapTexts(step, hide) as ExplainStep)
}

const HIDDEN = '(not shown)'

/** Shows header lines without the values of `secrets`, because the reader of the answer may not be their owner. */
export function shownHeaders(
  lines: readonly string[],
  secrets: ReadonlySet<string>,
): Record<string, string | string[]> {
  const shown = new Map<string, string | string[]>()
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    const value = secrets.has(name) ? HIDDEN : lines[i + 1]!
    const known = shown.get(name)
    shown.set(name, known === undefined ? value : [known, value].flat())
  }
  return Object.fromEntries(shown)
}
