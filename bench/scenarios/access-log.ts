import type { Contender, Scenario } from '../scenario.ts'

const waygate = (name: string, accessLog: boolean): Contender => ({
  name: `Waygate: access log ${name}`,
  start: scene => scene.startWaygate({ config: { accessLog } }),
})

/** Measures the cost of a log line per request. The pipe that it is written to is emptied, but its content is not used. */
export const accessLog: Scenario = {
  name: 'access-log',
  title: 'GET, an answer of 110 bytes, with and without the access log',
  load: { path: '/x', connections: 64 },
  contenders: () => [waygate('off', false), waygate('on', true)],
}
