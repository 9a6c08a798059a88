/**
 * nginx with one worker. It keeps connections to the node only if configured (`keepalive`, HTTP/1.1, no `Connection`). By
 * default it closes connections on both sides after 1,000 requests, and without `proxy_max_temp_file_size 0` it writes
 * large answers for slow clients to disk.
 *
 * The second argument: `http2` = clients speak HTTP/2; `grpc` = so does the node, with `grpc_pass`, which makes a connection
 * to the node for each call under way; `tls` = clients use TLS, whose certificate and key are the files of the next two
 * arguments.
 */
import { runServer } from './server-process.ts'

const [, , nodePort, mode, cert, key] = process.argv
const passing = {
  grpc: 'grpc_pass grpc://node;',
  http: `
          proxy_pass http://node;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_max_temp_file_size 0;`,
}
// Like Waygate: TLS 1.3 with the same cipher, sessions are resumed by tickets, and clients may speak HTTP/2.
const tls = `
        ssl_certificate ${cert};
        ssl_certificate_key ${key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;`
const flags: Record<string, string> = { http2: ' http2', grpc: ' http2', tls: ' ssl http2' }
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
        listen 127.0.0.1:${port}${flags[mode ?? ''] ?? ''};${mode === 'tls' ? tls : ''}
        client_max_body_size 0;
        location / {
          ${mode === 'grpc' ? passing.grpc : passing.http}
        }
      }
    }
  `,
})
