import type { AccessLogOptions, WriteAccess } from './access-log.ts'
import { FIELD_READERS } from './access-log-fields.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Creates the function that writes one line per request in the format `combined` of nginx and Apache, with the time in UTC.
 * Whatever a client or a token says is escaped as nginx does it: a quote, a backslash, and all that is not printable ASCII,
 * become `\xXX`. So no text can end its field or the line.
 *
 * The query is left out of the path and of the referer, since it may contain tokens and names.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_log_module.html
 */
export function createCombinedLog({ write, now = Date.now }: AccessLogOptions): WriteAccess {
  const timeOf = createTime()
  return (call, status, client, totalMs, request) => {
    const of = { call, status, client, totalMs, headers: request?.rawHeaders ?? [] }
    const version = call.http === '2' ? '2.0' : call.http
    // What was never read has the method `-`.
    const line = call.method === '-' ? '-' : `${call.method} ${FIELD_READERS.path(of)} HTTP/${version}`
    const user = call.identity?.subject
    write(
      `${bare(client)} - ${user === undefined ? '-' : bare(toBytes(user))} [${timeOf(now())}] "${quoted(line)}" ${status} ` +
        `${call.bodyBytes ?? '-'} "${header(FIELD_READERS.referer(of))}" "${header(FIELD_READERS.userAgent(of))}"\n`,
    )
  }
}

/** Returns the function that writes a time as `29/Nov/2026:21:57:40 +0000`. Many requests end in the same second. */
function createTime(): (time: number) => string {
  let lastSecond = Number.NaN
  let text = ''
  return time => {
    const second = Math.floor(time / 1000)
    if (second === lastSecond) return text
    lastSecond = second
    const [date = '', clock = ''] = new Date(second * 1000).toISOString().split(/[T.]/)
    const [year, month, day] = date.split('-')
    text = `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock} +0000`
    return text
  }
}

function header(value: unknown): string {
  return value === undefined ? '-' : quoted(String(value))
}

/** Returns text of Unicode as headers have it: one character for each byte of UTF-8. */
function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** Escapes text that stands between quotes. */
function quoted(text: string): string {
  return text.replace(/[^ !#-[\]-~]/g, escapeByte)
}

/** Escapes text that ends at a space. */
function bare(text: string): string {
  return text === '' ? '-' : text.replace(/[^!#-[\]-~]/g, escapeByte)
}

function escapeByte(char: string): string {
  const bytes = char > '\xff' ? toBytes(char) : char
  return bytes.replace(/./gs, byte => `\\x${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}
