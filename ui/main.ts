import type { ChangeEntry, FiguresPage, Items, StatusPage } from '../routes/admin/api-types.ts'
import { Api, ApiError } from './api.ts'
import { App } from './app.ts'
import { Help } from './help.ts'
import { html, render } from './html.ts'
import { listenToKeys } from './keyboard.ts'
import { LiveStream } from './live-stream.ts'
import { Model } from './model.ts'
import { readPlace, setParam } from './place.ts'
import { STEP_MS } from './series.ts'
import { Session } from './session.ts'
import { SignIn } from './sign-in.ts'
import { readFilter } from './tail-filter.ts'
import { applyTheme } from './theme.ts'

/** The gateway sends figures of so many rows unasked. */
const MANY_ROWS = 2_000
/** How often the age of the table is asked for. */
const STATUS_MS = 2_000
/** The page is drawn at most so often. */
const FRAME_MS = 100

const root = document.getElementById('app')!
let isSignedOut = false
let wasRefused = false
let isHelpOpen = false
let isDrawing = false
let drawnAt = 0
/** Ends what is loaded for the stream before: an answer to that would take away what is known by now. */
let loading = new AbortController()

const session = new Session(start)
const api = new Api(session, () => {
  isSignedOut = true
  loading.abort()
  live.follow(undefined)
  draw()
})
const model = new Model(draw)
const live = new LiveStream(
  api,
  event => model.apply(event),
  state => {
    const isBack = state.kind === 'live' && model.stream.kind !== 'live'
    model.setStream(state)
    if (state.kind === 'live') wasRefused = false
    if (isBack) void load()
  },
)

/** Opens the stream. What it does not send is loaded when its first event comes. */
function start(): void {
  isSignedOut = false
  live.follow(undefined)
  followPlace()
  draw()
}

/** Loads what is known of the time before the stream was opened. */
async function load(): Promise<void> {
  loading.abort()
  loading = new AbortController()
  const { signal } = loading
  await Promise.all([
    quietly(loadStatus(signal)),
    quietly(loadFigures(signal)),
    quietly(loadChanges(signal), reason => model.missChanges(reason)),
  ])
  // The step in which the page was opened is whole by then.
  setTimeout(() => {
    if (!signal.aborted) void quietly(loadFigures(signal))
  }, STEP_MS + 1_000)
}

/** The stream tells why the gateway cannot be reached; what a resource refuses is missing on the page. */
async function quietly(task: Promise<void>, onMissing: (reason: string) => void = () => {}): Promise<void> {
  try {
    await task
  } catch (error) {
    if ((error as Error).name === 'AbortError') return
    if (!(error instanceof ApiError || error instanceof TypeError)) throw error
    onMissing(error.message)
  }
}

async function loadStatus(signal: AbortSignal): Promise<void> {
  model.setStatus(await api.get<StatusPage>('status', signal))
}

async function loadFigures(signal: AbortSignal): Promise<void> {
  model.setFigures(await api.get<FiguresPage>('figures', signal))
}

async function loadChanges(signal: AbortSignal): Promise<void> {
  const { items } = await api.get<Items<ChangeEntry>>('changes?limit=500', signal)
  model.setChanges(items)
}

/** The tail is part of the stream while requests are shown. */
function followPlace(): void {
  const { view, args, params } = readPlace(location.hash)
  const isTail = view === 'requests' && args.length === 0
  const query = new URLSearchParams({ figures: '1' })
  if (isTail) query.set('tail', readFilter(params).filter)
  // Of a large table the gateway sends figures of those rows alone that are asked for. How large it is, the stream tells first.
  if (view === 'services' && args[0] !== undefined && !(model.hasTable && model.rowCount <= MANY_ROWS))
    query.set('rows', `service:${args[0]}`)
  live.follow(`live?${query}`)
}

function draw(): void {
  if (isDrawing) return
  isDrawing = true
  setTimeout(() => {
    isDrawing = false
    drawnAt = performance.now()
    if (isSignedOut) {
      const onToken = (token: string) => {
        wasRefused = true
        session.signIn(token)
        start()
      }
      render(html`<${SignIn} refused=${wasRefused} onToken=${onToken} />`, root)
      return
    }
    const place = readPlace(location.hash)
    const onHelp = () => {
      isHelpOpen = !isHelpOpen
      draw()
    }
    const app = html`<${App} ...${{ model, api, place, onHelp, onReconnect: () => live.reopen() }} />`
    render(html`${app}${isHelpOpen && html`<${Help} onClose=${onHelp} />`}`, root)
  }, FRAME_MS)
}

applyTheme()
addEventListener('hashchange', () => {
  if (!isSignedOut) followPlace()
  draw()
})
addEventListener('themechange', draw)
listenToKeys({
  pause: () => model.pause(!model.isPaused),
  onlyAttention: () => setParam('only', readPlace(location.hash).params.get('only') ? '' : 'attention'),
  help: () => {
    isHelpOpen = !isHelpOpen
    draw()
  },
})
// The stream tells when the state of the source changes, but not how old it is.
setInterval(() => {
  if (!isSignedOut && model.stream.kind === 'live' && !document.hidden)
    void quietly(loadStatus(loading.signal))
}, STATUS_MS)
// Ages are told by the second, also while nothing is received.
setInterval(() => {
  if (performance.now() - drawnAt > 900) draw()
}, 1_000)
start()
