/**
 * nginx with one worker. It keeps connections to the node only if configured (`keepalive`, HTTP/1.1, no `Connection`). By
 * default it closes connections on both sides after 1,000 requests, and without `proxy_max_temp_file_size 0` it writes
 * large answers for slow clients to disk.
 *
 * The second argument: `http2` = clients speak HTTP/2; `grpc` = so does the node, with `grpc_pass`, which makes a connection
 * to the node for each call under way.
 */
import { runServer } from './server-process.ts'

const [, , nodePort, mode] = process.argv
const passing = {
  grpc: 'grpc_pass grpc://node;',
  http: `
          proxy_pass http://node;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_max_temp_file_size 0;`,
}
const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

await runServer({
  version: ['nginx', '-v'],
  command: file => ['nginx', '-c', file, '-e', 'stderr'],
  config: ({ port, folder }) => `
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile 16384;
    pid ${folder}/nginx.pid;
    error_log stderr crit;
    events { worker_connections 8192; }
    http {
      access_log off;
      ${paths.map(name => `${name}_temp_path ${folder}/${name};`).join('\n')}
      keepalive_requests 100000000;
      upstream node {
        server 127.0.0.1:${nodePort};
        keepalive 256;
        keepalive_requests 100000000;
      }
      server {
        listen 127.0.0.1:${port}${mode === undefined ? '' : ' http2'};
        client_max_body_size 0;
        location / {
          ${mode === 'grpc' ? passing.grpc : passing.http}
        }
      }
    }
  `,
})
