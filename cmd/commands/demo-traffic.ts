import { randomUUID } from 'node:crypto'

/** What the ids of the requests begin with, so that the demo's log can leave them out. */
export const TRAFFIC_ID = 'traffic-'

interface Ask {
  readonly path: string
  /** Whether it has the token of the user. */
  readonly signedIn: boolean
}

/** Nine requests of which the last two fail: one without a token, one for a path that nobody serves. */
const ROUNDS: Readonly<Record<'http' | 'grpc', readonly Ask[]>> = {
  http: roundOf('/task/tasks', '/user/me'),
  grpc: roundOf('/task/v1/tasks', '/user/v1/me'),
}

function roundOf(tasks: string, me: string): readonly Ask[] {
  const asks = [tasks, me, tasks, me, tasks, me, tasks].map((path): Ask => ({ path, signedIn: true }))
  return [...asks, { path: tasks, signedIn: false }, { path: '/tasks', signedIn: true }]
}

export interface TrafficOptions {
  /** The URL of the gateway, without a slash at its end. */
  readonly url: string
  readonly kind: 'http' | 'grpc'
  /** Requests a second; 0 = none. */
  readonly rate: number
}

/**
 * Lets a client use the demo's services until the function is called that is returned. At most one second of requests is
 * under way, so a gateway that is slow is left alone.
 */
export function startTraffic({ url, kind, rate }: TrafficOptions): () => void {
  if (rate === 0) return () => {}
  const ended = new AbortController()
  const round = ROUNDS[kind]
  const prefix = kind === 'grpc' ? '/user/v1' : '/user'
  let token: string | undefined
  let count = 0
  let underWay = 0
  void signIn(
    async (path, body) => (await ask(`${prefix}${path}`, body)).json() as Promise<{ token?: string }>,
  ).then(
    found => {
      token = found
    },
    () => {},
  )
  const timer = setInterval(() => {
    if (underWay >= rate) return
    const { path, signedIn } = round[count++ % round.length]!
    underWay++
    ask(path, undefined, signedIn ? token : undefined)
      .then(response => response.arrayBuffer())
      .catch(() => {})
      .finally(() => underWay--)
  }, 1_000 / rate)
  return () => {
    clearInterval(timer)
    ended.abort()
  }

  function ask(path: string, body?: object, bearer?: string): Promise<Response> {
    const post = body && { method: 'POST', body: JSON.stringify(body) }
    return fetch(`${url}${path}`, {
      ...post,
      headers: {
        'x-request-id': `${TRAFFIC_ID}${randomUUID().slice(0, 8)}`,
        ...(body && { 'content-type': 'application/json' }),
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      signal: ended.signal,
    })
  }
}

/** Registers a user of its own, and resolves with its token. */
async function signIn(
  post: (path: string, body: object) => Promise<{ token?: string }>,
): Promise<string | undefined> {
  const user = { name: `traffic-${randomUUID().slice(0, 8)}`, password: randomUUID() }
  await post('/register', user)
  return (await post('/login', user)).token
}
