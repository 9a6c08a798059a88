import { ChannelCredentials, InterceptingCall, type Interceptor } from '@grpc/grpc-js'
import { handleWhen, retry } from 'cockatiel'
import { Etcd3, GRPCDeadlineExceededError, type IOptions, isRecoverableError } from 'etcd3'
import { addressOf } from '../../internal/nodes/node.ts'
import type { Logger } from '../logger.ts'
import { createAuthInterceptor } from './auth-interceptor.ts'
import { AuthTokens } from './auth-tokens.ts'
import { EndpointChoice } from './endpoint-choice.ts'
import { parseEndpoint } from './endpoint-url.ts'
import { isNoToken } from './etcd-errors.ts'
import { GreetedCredentials } from './handshake-timeout.ts'
import { EtcdTlsCredentials, useCredentials } from './tls-credentials.ts'
import type { EtcdTls } from './tls-files.ts'

export interface EtcdClientOptions {
  /**
   * `http://host:port` or `https://host:port`, all of one kind. `host:port` means http, and the port may be
   * omitted for 2379.
   */
  readonly endpoints: readonly string[]
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** PEM texts or files. With https endpoints and no `ca`, the system's authorities are trusted. */
  readonly tls?: EtcdTls | undefined
  /** Reports whether etcd turns out to have authentication enabled, and what becomes of files that change. */
  readonly logger?: Logger | undefined
}

/** The deadline of every call that is not a stream. */
const CALL_DEADLINE_MS = 2_000
const WATCH = '/etcdserverpb.Watch/Watch'

/**
 * Makes etcd end a watch on a member without a leader, like `WithRequireLeader` of etcd's clientv3. Otherwise
 * a watch on a member that is cut off from its cluster stays open and reports nothing.
 */
const requireLeader: Interceptor = (options, nextCall) => {
  const call = nextCall(options)
  if (options.method_definition.path !== WATCH) return new InterceptingCall(call)
  return new InterceptingCall(call, {
    start(metadata, listener, next) {
      metadata.set('hasleader', 'true')
      next(metadata, listener)
    },
  })
}

/**
 * Creates a client whose failures show within seconds. The caller must call `close()`.
 *
 * @throws TypeError when the endpoints or the credentials do not fit together
 */
export function createEtcdClient(options: EtcdClientOptions): Etcd3 {
  const hosts = options.endpoints.map(normalizeEndpoint)
  if (hosts.length === 0) throw new TypeError('etcd needs at least one endpoint')
  const secure = hosts.filter(host => host.startsWith('https:')).length
  if (secure > 0 && secure < hosts.length) {
    throw new TypeError('etcd endpoints must be all http or all https')
  }
  const interceptors = [requireLeader]
  const choice = new EndpointChoice(hosts)
  const config: IOptions = {
    hosts,
    grpcOptions: {
      interceptors,
      // etcd answers with GOAWAY when pings are less than 5 s apart.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 3_000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      // An etcd that comes back must be found within a second, including the waits of the callers.
      'grpc.max_reconnect_backoff_ms': 200,
      // A page of large values or the backlog of a watch can exceed the default of 4 MiB.
      'grpc.max_receive_message_length': -1,
    },
    // This is a function because an object would give all later calls the same point in time as their
    // deadline.
    defaultCallOptions: call => (call.isStream ? {} : { deadline: Date.now() + CALL_DEADLINE_MS }),
    faultHandling: {
      // Replaces etcd3's own circuit breaker, which refuses calls for seconds after etcd has recovered.
      host: endpoint => choice.policyOf(endpoint),
      global: retry(handleWhen(isWorthAnotherMember), { maxAttempts: hosts.length }),
    },
  }
  if (options.tls && secure === 0) {
    throw new TypeError('etcd has TLS files but http endpoints; use https:// endpoints')
  }
  const credentials =
    secure > 0
      ? new EtcdTlsCredentials(checkPair(options.tls ?? {}), options.logger)
      : ChannelCredentials.createInsecure()
  const client = new Etcd3(config)
  useCredentials(client, new GreetedCredentials(credentials))
  const { user, password = '', logger } = options
  if (user !== undefined) {
    // etcd3's own `auth` requests a token only once, and streams fail when that token expires.
    const authenticate = async () => (await client.auth.authenticate({ name: user, password })).token
    interceptors.push(createAuthInterceptor(new AuthTokens({ user, authenticate, logger })))
  }
  return client
}

function isWorthAnotherMember(error: Error): boolean {
  // A call that exceeded its deadline has used up its time, so its caller decides whether to retry. Requests
  // for a token have tried several members already.
  return isRecoverableError(error) && !(error instanceof GRPCDeadlineExceededError) && !isNoToken(error)
}

function checkPair(tls: EtcdTls): EtcdTls {
  for (const { cert, key } of [tls, tls.files ?? {}]) {
    if ((cert === undefined) !== (key === undefined)) {
      throw new TypeError('an etcd client certificate and its key must be given together')
    }
  }
  return tls
}

function normalizeEndpoint(endpoint: string): string {
  const { secure, ...place } = parseEndpoint(endpoint)
  return `${secure ? 'https' : 'http'}://${addressOf(place)}`
}
