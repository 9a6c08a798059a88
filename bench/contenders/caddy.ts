/**
 * Caddy, GOMAXPROCS=1, no access log (its default). It keeps 32 idle connections to a node unless told; that would
 * make it open and close them all the time at 64.
 */
import { runServer } from './server-process.ts'

await runServer({
  version: ['caddy', 'version'],
  command: file => ['caddy', 'run', '--adapter', 'caddyfile', '--config', file],
  env: { GOMAXPROCS: '1' },
  config: ({ port }) => `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${process.argv[2]} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
})
