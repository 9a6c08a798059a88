import type { Load } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { signTokens } from '../tokens.ts'
import { bareHttpProxy, passThrough, peers, streaming, waygate } from './peers.ts'

const load: Load = { path: '/x', connections: 64, tokens: signTokens(1) }
const allContenders = [bareHttpProxy, waygate, ...peers]

const atShare = (percent: number): Scenario => ({
  name: `rate-${percent}`,
  title: `GET, an answer of 110 bytes, at ${percent} % of what each contender takes`,
  load: { ...load, share: percent / 100, shareOf: 'its own' },
  contenders: () => [...allContenders, passThrough],
})

/** Requests that every contender can forward. */
export const forwarding: readonly Scenario[] = [
  {
    name: 'get',
    title: 'GET, an answer of 110 bytes',
    load,
    contenders: () => [...allContenders, passThrough],
  },
  atShare(50),
  atShare(80),
  {
    name: 'post',
    title: 'POST of 1 KB, an answer of 110 bytes',
    load: { ...load, method: 'POST', body: { type: 'application/octet-stream', text: 'x'.repeat(1_024) } },
    contenders: () => allContenders,
  },
  {
    name: 'answer-100kb',
    title: 'GET, an answer of 100 KB',
    load: { ...load, path: '/bytes/102400' },
    contenders: () => [...allContenders, streaming],
  },
  {
    name: 'stream-10mb',
    title: 'GET, an answer of 10 MB in pieces of 64 KB',
    load: { ...load, path: '/stream/10485760', connections: 8 },
    contenders: () => [...allContenders, streaming],
  },
]
