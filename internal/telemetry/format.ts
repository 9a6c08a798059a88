/** Writes a number with the digits that say something: `0.4`, `12`, `1,086`, `41k`. */
function shortNumber(value: number): string {
  if (value >= 999_500) return `${trim(value / 1_000_000)}M`
  if (value >= 9_995) return `${trim(value / 1_000)}k`
  return value >= 9.95 ? Math.round(value).toLocaleString('en') : trim(value)
}

function trim(value: number): string {
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '')
}

/** Writes a rate per second. A rate that is almost nothing is not shown as nothing. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.05 ? '<0.1' : shortNumber(perSecond)
}

/** Writes a share from 0 to 1 in percent. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1 %'
  return `${share < 0.0995 ? trim(share * 100) : Math.round(share * 100)} %`
}

/** Writes a time that a request took. */
export function millis(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (ms >= 995) return `${trim(ms / 1000)} s`
  return `${ms > 0 && ms < 0.995 ? ms.toFixed(2) : shortNumber(ms)} ms`
}

/** Writes how long something lasts, for people: `0.3 s`, `42 s`, `3 min`, `2 h`, `5 d`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 99.5) return `${Math.round(seconds)} s`
  if (seconds < 99.5 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** Writes the time of day, with milliseconds where they matter. */
export function clock(at: number, withMs = false): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return withMs ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time
}

/** Writes `1 node`, `3 nodes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

/** Writes names and values in a line, such as `team=billing tier=gold`; nothing where there are none. */
export function pairsText(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
