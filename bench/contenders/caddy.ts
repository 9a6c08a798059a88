/**
 * Caddy with GOMAXPROCS=1 and no access log (its default). By default it keeps 32 idle connections to a node. With 64
 * clients, it would then open and close connections all the time.
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
