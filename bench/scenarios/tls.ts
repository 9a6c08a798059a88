import type { Load } from '../load.ts'
import type { Contender, Scenario } from '../scenario.ts'
import type { Running, Scene } from '../scene.ts'
import { makeCertificate } from '../tls/certificate.ts'
import { SECRET, signTokens } from '../tokens.ts'

const overHttp2: Partial<Load> = { connections: 8, http2: { streams: 8, isGrpc: false } }

/** Starts one gateway for all of its contenders, and returns how they reach it: without TLS and with it. */
function createGateway(): Record<'plain' | 'secure', Contender['start']> {
  let started: ReturnType<Scene['startWaygate']> | undefined
  const gateway = (scene: Scene) => {
    const tls = { ...makeCertificate(scene.folder), port: 0 }
    started ??= scene.startWaygate({ config: { jwt: { secret: SECRET }, tls } })
    return started
  }
  return {
    plain: gateway,
    async secure(scene) {
      const { process, tlsBase } = await gateway(scene)
      return { process, base: tlsBase!, ca: makeCertificate(scene.folder).cert }
    },
  }
}

async function startNginx(scene: Scene): Promise<Running> {
  const { cert, key } = makeCertificate(scene.folder)
  const running = await scene.startContender('nginx.ts', 'tls', cert, key)
  return { ...running, base: running.base.replace('http:', 'https:'), ca: cert }
}

/** What TLS costs, on the same gateway, and with nginx. */
const requests: Scenario = {
  name: 'tls',
  title: 'GET, an answer of 110 bytes, with and without TLS 1.3',
  load: { path: '/x', connections: 64, tokens: signTokens(1) },
  contenders() {
    const { plain, secure } = createGateway()
    return [
      { name: 'Waygate: HTTP/1.1', start: plain },
      { name: 'Waygate: HTTP/1.1 over TLS', start: secure },
      { name: 'Waygate: HTTP/2, 8 connections with 8 streams', start: plain, load: overHttp2 },
      { name: 'Waygate: HTTP/2 over TLS', start: secure, load: overHttp2 },
      { name: 'nginx: HTTP/1.1 over TLS', start: startNginx },
      { name: 'nginx: HTTP/2 over TLS', start: startNginx, load: overHttp2 },
    ]
  },
}

/** What a handshake costs. The client is a Node program, which may need longer than the server. */
const handshakes: Scenario = {
  name: 'tls-handshakes',
  title:
    'A connection with TLS 1.3 and an elliptic curve for each GET, with a full handshake or a resumed session',
  load: { path: '/x', connections: 32, tokens: signTokens(1), handshakes: 'full' },
  contenders() {
    const { secure } = createGateway()
    const resumed: Partial<Load> = { handshakes: 'resumed' }
    return [
      { name: 'Waygate: full', start: secure },
      { name: 'nginx: full', start: startNginx },
      { name: 'Waygate: resumed', start: secure, load: resumed },
      { name: 'nginx: resumed', start: startNginx, load: resumed },
    ]
  },
}

export const tls: readonly Scenario[] = [requests, handshakes]
