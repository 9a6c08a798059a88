import type { ExplainPage } from '../../routes/admin/explain.ts'
import type { ViewProps } from '../context.ts'
import { explanation } from '../explanation.ts'
import { html, useEffect, useRef, useState } from '../html.ts'
import { heading } from '../parts.ts'
import { setParam } from '../place.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

/** Says what would happen to a request that is typed. Headers are sent with the question and are kept nowhere. */
export function ExplainView({ api, place: { params } }: ViewProps) {
  const method = params.get('method') ?? 'GET'
  const url = params.get('url') ?? ''
  /** Undefined while there is no question, and until it is answered: what was answered before is of another one. */
  const [answer, setAnswer] = useState<{ page: ExplainPage } | { error: string } | undefined>(undefined)
  const [question, setQuestion] = useState<object | undefined>(url === '' ? undefined : { method, url })
  /** The parameters of the present question, and how many links have brought others. */
  const asked = useRef({ method, url, links: 0 })
  useEffect(() => {
    if (asked.current.method === method && asked.current.url === url) return
    asked.current = { method, url, links: asked.current.links + 1 }
    setAnswer(undefined)
    setQuestion(url === '' ? undefined : { method, url })
  }, [method, url])
  useEffect(() => {
    if (question === undefined) return undefined
    const abort = new AbortController()
    const ask = async () => {
      try {
        setAnswer({ page: await api.post<ExplainPage>('explain', question, abort.signal) })
      } catch (failed) {
        if (!abort.signal.aborted) setAnswer({ error: (failed as Error).message })
      }
    }
    void ask()
    return () => abort.abort()
  }, [api, question])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const text = (name: string) => String(form.get(name) ?? '').trim()
    asked.current = { ...asked.current, method: text('method'), url: text('url') }
    setParam('method', text('method'))
    setParam('url', text('url'))
    setAnswer(undefined)
    try {
      const client = text('client')
      const claims = readClaims(text('claims'))
      setQuestion({
        method: text('method'),
        url: text('url'),
        headers: readHeaders(text('headers')),
        ...(client && { client }),
        ...(claims && { claims }),
      })
    } catch (failed) {
      setQuestion(undefined)
      setAnswer({ error: (failed as Error).message })
    }
  }
  return html`
    ${heading('Explain')}
    <form key=${asked.current.links} class="explain" onSubmit=${submit}>
      <div class="line">
        <select name="method" aria-label="Method" defaultValue=${method}>${METHODS.map(each => html`<option key=${each} selected=${each === method}>${each}</option>`)}</select>
        <input name="url" aria-label="URL" required placeholder="http://api.example.com/tasks/7" defaultValue=${url} spellcheck=${false} autocomplete="off" />
        <button type="submit" class="primary">Explain</button>
      </div>
      <details class="more">
        <summary>Headers, client, claims</summary>
        <label>Headers, one a line<textarea name="headers" rows="3" placeholder="x-api-version: 2" spellcheck=${false}></textarea></label>
        <label>Address of the client<input name="client" placeholder="127.0.0.1" spellcheck=${false} autocomplete="off" /></label>
        <label>Claims that are taken as verified, as JSON<textarea name="claims" rows="2" placeholder=${'{"sub": "u1"}'} spellcheck=${false}></textarea></label>
      </details>
    </form>
    <div aria-live="polite">
      ${answer && 'error' in answer && html`<p class="note bad">${answer.error}</p>`}
      ${answer && 'page' in answer && html`<h2 class="unseen">What would happen</h2>${explanation(answer.page)}`}
      ${question === undefined && answer === undefined && html`<p class="empty">Nothing is sent to a node, and nothing is counted. The steps are those of a real request.</p>`}
    </div>
  `
}

/** Reads header lines; a name that comes twice has two values. @throws TypeError for a line that is none */
function readHeaders(text: string): Record<string, string | string[]> {
  const headers = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const at = line.indexOf(':')
    const name = line.slice(0, Math.max(0, at)).trim()
    if (name === '') throw new TypeError(`headers: a line must be NAME: VALUE, not "${line}"`)
    headers.set(name, [...(headers.get(name) ?? []), line.slice(at + 1).trim()])
  }
  return Object.fromEntries(headers)
}

/** @throws TypeError when they are no JSON */
function readClaims(text: string): object | undefined {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new TypeError(`claims: ${(error as Error).message}`)
  }
}
