import type { Api } from './api.ts'
import { html, type Shown, useEffect, useState } from './html.ts'
import type { Model } from './model.ts'
import type { Place } from './place.ts'

/** What every view is given. It is shown anew with each second's figures. */
export interface ViewProps {
  readonly model: Model
  readonly api: Api
  readonly place: Place
}

/** A resource of the API while it is loaded, and afterwards. */
export interface Resource<T> {
  readonly value: T | undefined
  readonly error: Error | undefined
}

/**
 * Loads a resource when its path changes, and again every `everyMs` while the tab is visible. In a hidden tab it waits
 * until the tab is looked at. The value of the same path stays while it is loaded again.
 *
 * @param path below `api/v1/`; undefined = nothing is loaded
 * @param version loads it again when this changes
 */
export function useResource<T>(
  api: Api,
  path: string | undefined,
  everyMs?: number,
  version?: unknown,
): Resource<T> {
  const [loaded, setLoaded] = useState<Resource<T> & { readonly path?: string | undefined }>({
    value: undefined,
    error: undefined,
  })
  useEffect(() => {
    if (path === undefined) return undefined
    const abort = new AbortController()
    let isDue = false
    let asked = 0
    let answered = 0
    const load = async () => {
      isDue = document.hidden
      if (isDue) return
      const turn = ++asked
      const [value, error] = await api.get<T>(path, abort.signal).then(
        got => [got, undefined] as const,
        (failed: Error) => [undefined, failed] as const,
      )
      // A later question may have been answered first.
      if (abort.signal.aborted || turn < answered) return
      answered = turn
      setLoaded(before => ({
        path,
        value: value ?? (before.path === path ? before.value : undefined),
        error,
      }))
    }
    const loadIfDue = () => {
      if (isDue) void load()
    }
    void load()
    document.addEventListener('visibilitychange', loadIfDue)
    const timer = everyMs === undefined ? undefined : setInterval(load, everyMs)
    return () => {
      abort.abort()
      clearInterval(timer)
      document.removeEventListener('visibilitychange', loadIfDue)
    }
  }, [api, path, everyMs, version])
  return loaded.path === path ? loaded : { value: undefined, error: undefined }
}

/** Shows what is in place of a resource while it is not there. */
export function missing({ error }: Resource<unknown>, what: string): Shown {
  if (error) return html`<p class="empty bad">${what}: ${error.message}</p>`
  return html`<p class="empty" aria-busy="true">Loading …</p>`
}
