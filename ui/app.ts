import type { Api } from './api.ts'
import { attentionLines } from './attention.ts'
import type { ViewProps } from './context.ts'
import { Header, isThere } from './header.ts'
import { html, useEffect, useRef } from './html.ts'
import type { Model } from './model.ts'
import type { Place, ViewName } from './place.ts'
import { ChangesView } from './views/changes.ts'
import { ExplainView } from './views/explain.ts'
import { OverviewView } from './views/overview.ts'
import { RequestView } from './views/request.ts'
import { RequestsView } from './views/requests.ts'
import { RouteView } from './views/route.ts'
import { RoutesView } from './views/routes.ts'
import { ServiceView } from './views/service.ts'
import { ServicesView } from './views/services.ts'
import { SourceView } from './views/source.ts'

export interface AppProps {
  readonly model: Model
  readonly api: Api
  readonly place: Place
  readonly onHelp: () => void
  readonly onReconnect: () => void
}

type View = (props: ViewProps) => ReturnType<typeof html>

/** The list of a view, and one thing of it. */
const SHOWN: Readonly<Record<ViewName, readonly [list: View, one?: View]>> = {
  overview: [OverviewView],
  routes: [RoutesView, RouteView],
  services: [ServicesView, ServiceView],
  requests: [RequestsView, RequestView],
  explain: [ExplainView],
  changes: [ChangesView],
  source: [SourceView],
}

/** The whole page, once the listener has answered. */
export function App({ model, api, place, onHelp, onReconnect }: AppProps) {
  const [list, one] = SHOWN[isThere(model, place.view) ? place.view : 'overview']
  const isOne = one !== undefined && place.args.length > 0
  const main = useRef<HTMLElement>(null)
  const where = [place.view, ...place.args].join('/')
  const gateway = model.status?.name ?? 'Waygate'
  useEffect(() => scrollTo(0, 0), [where])
  useEffect(() => {
    const [title] = main.current?.querySelector('h1')?.textContent.split('\n') ?? []
    document.title = `${title ?? 'Waygate'} · ${gateway}`
  }, [where, gateway])
  return html`
    <${Header} ...${{ model, place, onHelp, onReconnect }} />
    <main ref=${main} key=${where} aria-busy=${!model.hasTable}><${isOne ? one : list} ...${{ model, api, place }} /></main>
    <${Announcer} model=${model} />
  `
}

/** Tells readers of screens of what begins to need attention. Figures change each second, and are not told. */
function Announcer({ model }: { readonly model: Model }) {
  const told = useRef<ReadonlySet<string>>(new Set())
  const text = useRef('')
  const lines = attentionLines(model)
  const fresh = lines.filter(({ key }) => !told.current.has(key))
  if (fresh.length > 0)
    text.current = fresh
      .map(({ subject, text }) => `${subject}: ${text}`)
      .slice(0, 3)
      .join('. ')
  told.current = new Set(lines.map(({ key }) => key))
  return html`<p class="unseen" role="status" aria-live="polite">${text.current}</p>`
}
