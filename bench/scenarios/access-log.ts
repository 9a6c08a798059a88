import type { Contender, Scenario } from '../scenario.ts'

const waygate = (name: string, accessLog: boolean): Contender => ({
  name: `Waygate: access log ${name}`,
  start: scene => scene.startWaygate({ config: { accessLog } }),
})

/** What a log line for each request costs; nobody reads the pipe it is written to for more than emptying it. */
export const accessLog: Scenario = {
  name: 'access-log',
  title: 'GET, an answer of 110 bytes, with and without the access log',
  load: { path: '/x', connections: 64 },
  contenders: () => [waygate('off', false), waygate('on', true)],
}
