/**
 * HAProxy with one thread and no `log` line. `http-reuse always` shares the connections to the node between clients. By
 * default, the first request of a client connection opens a new one.
 */
import { runServer } from './server-process.ts'

await runServer({
  version: ['haproxy', '-v'],
  command: file => ['haproxy', '-db', '-f', file],
  config: ({ port }) => `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend clients
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  server node 127.0.0.1:${process.argv[2]}
`,
})
