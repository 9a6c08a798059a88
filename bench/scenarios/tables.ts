import type { Contender, Scenario } from '../scenario.ts'

const load = { path: '/x', connections: 64 }

const withRoutes = (count: number): Contender => ({
  name: `Waygate: ${count} ${count === 1 ? 'route' : 'routes'}`,
  load: { path: `/r${count - 1}/x` },
  async start(scene) {
    const documents = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `r${i}`,
        { path: `/r${i}/*`, service: 'echo', stripPrefix: `/r${i}` },
      ]),
    )
    const running = await scene.startWaygate({ config: { routes: { auto: false, documents } } })
    return { ...running, base: new URL(running.base).origin }
  },
})

/** Measures the cost of a large table of routes. */
export const routes: Scenario = {
  name: 'routes',
  title: 'GET, an answer of 110 bytes, one of so many route documents',
  load,
  contenders: () => [1, 100, 1_000].map(withRoutes),
}

const withNodes = (count: number): Contender => ({
  name: `Waygate: ${count} nodes`,
  start: scene => scene.startWaygate({ weights: Array.from({ length: count }, (_, i) => (i === 0 ? 5 : 1)) }),
})

/** Measures the cost of a service with many nodes. They are ports of one process, but each has its own pool and breaker. */
export const nodes: Scenario = {
  name: 'nodes',
  title: 'GET, an answer of 110 bytes, a service of so many nodes',
  load,
  nodes: 1_000,
  contenders: () => [3, 1_000].map(withNodes),
}
