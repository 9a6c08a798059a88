import { ChannelCredentials, InterceptingCall, type Interceptor } from '@grpc/grpc-js'
import { handleWhen, retry } from 'cockatiel'
import { Etcd3, GRPCDeadlineExceededError, type IOptions, isRecoverableError } from 'etcd3'
import type { Logger } from '../logger.ts'
import { isNoToken } from './auth-errors.ts'
import { createAuthInterceptor } from './auth-interceptor.ts'
import { AuthTokens } from './auth-tokens.ts'
import { EndpointChoice } from './endpoint-choice.ts'
import { GreetedCredentials } from './handshake-timeout.ts'
import { type EtcdTls, EtcdTlsCredentials, useCredentials } from './tls-credentials.ts'

export interface EtcdClientOptions {
  /** `http://host:port` or `https://host:port`, all of one kind; `host:port` is http, the default port 2379. */
  readonly endpoints: readonly string[]
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** PEM. With https endpoints and no `ca`, the system's authorities are trusted. */
  readonly tls?: EtcdTls | undefined
  /** Told when it turns out that etcd has no users, or has some after all. */
  readonly logger?: Logger | undefined
}

/** No call but a stream stays open longer without an answer. */
const CALL_DEADLINE_MS = 2_000
const DEFAULT_PORT = 2379
const WATCH = '/etcdserverpb.Watch/Watch'

/**
 * Ends a watch on a member that has no leader (`WithRequireLeader` of etcd's clientv3): one that is cut off
 * from its cluster goes on as if nothing ever changed.
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
 * A client whose failures show within seconds. Whoever made it calls `close()`.
 *
 * @throws TypeError when the endpoints or the credentials cannot work together
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
      // Below 5 s between pings etcd answers with GOAWAY.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 3_000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      // An etcd that is back is to be found within a second, whatever waits on top of this.
      'grpc.max_reconnect_backoff_ms': 200,
      // A page of large values, or the backlog of a watch, may be larger than the default of 4 MiB.
      'grpc.max_receive_message_length': -1,
    },
    // A function: an object would fix one moment in time as the deadline of every call to come.
    defaultCallOptions: call => (call.isStream ? {} : { deadline: Date.now() + CALL_DEADLINE_MS }),
    faultHandling: {
      // etcd3's own circuit breaker would go on refusing calls for seconds after etcd is healthy again.
      host: endpoint => choice.policyOf(endpoint),
      global: retry(handleWhen(isWorthAnotherMember), { maxAttempts: hosts.length }),
    },
  }
  if (options.tls && secure === 0) {
    throw new TypeError('etcd has TLS files but http endpoints; write https://')
  }
  const credentials =
    secure > 0 ? new EtcdTlsCredentials(checkPair(options.tls ?? {})) : ChannelCredentials.createInsecure()
  const client = new Etcd3(config)
  useCredentials(client, new GreetedCredentials(credentials))
  const { user, password = '', logger } = options
  if (user !== undefined) {
    // Not etcd3's own `auth`: it asks for a token once, and streams do not survive the end of that one.
    const authenticate = async () => (await client.auth.authenticate({ name: user, password })).token
    interceptors.push(createAuthInterceptor(new AuthTokens({ user, authenticate, logger })))
  }
  return client
}

function isWorthAnotherMember(error: Error): boolean {
  // A call that ran into its deadline has cost its time; whoever made it decides whether to go on. For a token,
  // several members were asked already.
  return isRecoverableError(error) && !(error instanceof GRPCDeadlineExceededError) && !isNoToken(error)
}

function checkPair(tls: EtcdTls): EtcdTls {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new TypeError('an etcd client certificate needs its key, and the key its certificate')
  }
  return tls
}

function normalizeEndpoint(endpoint: string): string {
  const match = /^(?:(https?):\/\/)?(\[[0-9A-Fa-f:.]+\]|[^\s:/@?#[\]]+)(?::(\d{1,5}))?\/?$/.exec(
    endpoint.trim(),
  )
  // Not shown in full: what is wrong with it may be a password in it.
  if (!match) throw new TypeError('an etcd endpoint must be http(s)://host:port, without a path or user info')
  const [, protocol = 'http', host, port = String(DEFAULT_PORT)] = match
  return `${protocol}://${host}:${port}`
}
