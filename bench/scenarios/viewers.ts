import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Contender, Scenario } from '../scenario.ts'

const ROUTES = 1_000
const NODES = 1_000

/** Opens a stream of figures, as the page of the dashboard does, and reads it. Resolves when its table is there. */
async function openViewer(admin: string): Promise<() => void> {
  const request = get(`${admin}/api/v1/live?figures=1`, { agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  if (response.statusCode !== 200) throw new Error(`a viewer got ${response.statusCode}`)
  await once(response, 'data')
  response.resume().on('error', () => {})
  return () => request.destroy()
}

const watchedBy = (count: number): Contender => ({
  name: `Waygate: ${count === 0 ? 'no viewer' : count === 1 ? '1 viewer' : `${count} viewers`}`,
  start: scene => {
    const documents = Object.fromEntries(
      Array.from({ length: ROUTES }, (_, i) => {
        const prefix = i === 0 ? '/echo' : `/r${i}`
        return [`r${i}`, { path: `${prefix}/*`, service: 'echo', stripPrefix: prefix }]
      }),
    )
    return scene.startWaygate({ weights: Array<number>(NODES).fill(1), config: { routes: { documents } } })
  },
  // A viewer of a gateway that is not measured now would take time from the one that is.
  async beside({ admin }) {
    const ends = await Promise.all(Array.from({ length: count }, () => openViewer(admin!)))
    return () => {
      for (const end of ends) end()
    }
  },
})

const scenario = {
  nodes: NODES,
  contenders: () => [0, 1, 10].map(watchedBy),
}

/**
 * Measures what pages of the dashboard cost that are looked at, with a large table of which every node is at work: how much
 * the gateway takes, and how long requests take at a rate below that.
 */
export const viewers: readonly Scenario[] = [
  {
    ...scenario,
    name: 'viewers',
    title: `GET, ${ROUTES} routes and ${NODES} nodes, with so many viewers of figures`,
    load: { path: '/x', connections: 64 },
  },
  {
    ...scenario,
    name: 'viewers-rate',
    title: `GET at a constant rate, ${ROUTES} routes and ${NODES} nodes, with so many viewers of figures`,
    load: { path: '/x', connections: 64, share: 0.4 },
  },
]
