import type { Contender, Scenario } from '../scenario.ts'

/** Rules as a document might have them: addresses, an origin, and one header in each direction. */
const policies = {
  clients: { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.6.6.6'] },
  cors: { origins: ['https://app.example.com'] },
  requestHeaders: { set: { 'x-tenant': 'acme' } },
  responseHeaders: { set: { 'x-frame-options': 'DENY' } },
}

const waygate = (name: string, defaults: object): Contender => ({
  name: `Waygate: ${name}`,
  start: scene => scene.startWaygate({ config: { routes: { defaults } } }),
})

/** Measures the cost of the policies of a route. */
export const policiesOfRoute: Scenario = {
  name: 'policies',
  title: 'GET, an answer of 110 bytes, on a route with and without policies',
  load: { path: '/x', connections: 64 },
  contenders: () => [waygate('no policies', {}), waygate('clients, cors, two headers', policies)],
}
