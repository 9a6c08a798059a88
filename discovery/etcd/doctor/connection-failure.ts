import type { EndpointUrl } from './endpoint-url.ts'
import { NotInTimeError } from './within.ts'

/** How far a connection had come. */
export type ConnectionStep = 'tcp' | 'tls' | 'http2' | 'grpc'

/** Why there is no usable connection to an endpoint, and what to do about it. */
export interface ConnectionFailure {
  readonly message: string
  readonly hint: string
  /** Of the system or of OpenSSL, where there is one. */
  readonly code?: string | undefined
}

/** What a server has shown of its certificate. */
export interface ShownCertificate {
  readonly subject: string
  readonly issuer: string
  /** The names and addresses it is for, as OpenSSL writes them. */
  readonly names: string
  readonly validFrom: string
  readonly validTo: string
}

const CLIENT_CERTIFICATE =
  /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERT|ACCESS_DENIED|HANDSHAKE_FAILURE)|ALERT_NO_CERT|HANDSHAKE_FAILURE/

/** A connection that failed, in words for people. */
export function explainConnection(
  { url, secure, host, port }: EndpointUrl,
  step: ConnectionStep,
  error: unknown,
  hasClientCertificate: boolean,
): ConnectionFailure {
  const { code = '' } = error as NodeJS.ErrnoException
  // Where a name has several addresses, the error is of all of them, and says nothing itself.
  const message = (error as Error).message || code
  if (error instanceof NotInTimeError) {
    return step === 'tcp'
      ? {
          message: `${url} cannot be connected to: ${message}`,
          hint: `the machine is off, the address is wrong, or a firewall drops what is sent to port ${port}`,
        }
      : {
          message: `${url} takes connections but says nothing: ${message} (${STEPS[step]})`,
          hint: 'that process hangs or is stopped, or its disk or machine is overloaded: look at it there, and restart it',
        }
  }
  if (code === 'ECONNREFUSED') {
    return {
      message: `${url} refuses connections: nothing listens there`,
      hint: 'start etcd, or correct the address; in a container, 127.0.0.1 is the container itself',
      code,
    }
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      message: `${url} cannot be connected to: there is no host ${host}`,
      hint: 'correct the name, or the name server that this machine asks',
      code,
    }
  }
  if (step === 'tcp') {
    return {
      message: `${url} cannot be connected to: ${message}`,
      hint: 'look at the address, and at the network between here and there',
      code,
    }
  }
  if (CLIENT_CERTIFICATE.test(code)) {
    return {
      message: hasClientCertificate
        ? `${url} does not accept our client certificate (${code})`
        : `${url} wants a client certificate (${code})`,
      hint: hasClientCertificate
        ? "etcd.cert must be signed by an authority in etcd's --trusted-ca-file, be valid now, and be for client use"
        : 'set WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY (etcd.cert and etcd.key) to a certificate that etcd trusts',
      code,
    }
  }
  if (step === 'tls') {
    return {
      message: `${url} does not speak TLS (${code || message})`,
      hint: 'if this etcd has no TLS, write http:// instead of https://',
      code,
    }
  }
  if (secure && (code === '' || code === 'ECONNRESET')) {
    return {
      message: `${url} closes the connection after the TLS handshake`,
      hint: hasClientCertificate
        ? 'it may not accept our client certificate (etcd.cert): look at the log of etcd'
        : "it may want a client certificate (etcd.cert and etcd.key), or is not etcd's port for clients, usually 2379",
      code,
    }
  }
  return {
    message: `${url} does not speak gRPC (${code || message})`,
    hint: `${secure ? '' : 'if this etcd has TLS, write https:// instead of http://; '}etcd's port for clients is usually 2379, that for its peers 2380`,
    code,
  }
}

const STEPS: Readonly<Record<ConnectionStep, string>> = {
  tcp: 'connecting',
  tls: 'TLS handshake',
  http2: 'HTTP/2 handshake',
  grpc: 'first call',
}

/** A server's certificate that was not accepted, in words for people. */
export function explainCertificate(
  { url, host }: EndpointUrl,
  code: string,
  certificate: ShownCertificate,
  hasAuthority: boolean,
): ConnectionFailure {
  const { subject, issuer, names, validFrom, validTo } = certificate
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return {
        message: `${url} has a certificate that expired on ${validTo}`,
        hint: 'renew the certificate of etcd, or correct the clock of this machine',
        code,
      }
    case 'CERT_NOT_YET_VALID':
      return {
        message: `${url} has a certificate that is not valid before ${validFrom}`,
        hint: 'correct the clock of this machine, or of the one that made the certificate',
        code,
      }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        message: `${url} has a certificate for ${names || subject}, not for ${host}`,
        hint: `use a name that the certificate is for, or add ${host} to its subject alternative names`,
        code,
      }
    default:
      return {
        message: `${url} has a certificate of ${issuer} that is not trusted here (${code})`,
        hint: hasAuthority
          ? 'WAYGATE_ETCD_CA (etcd.ca) must hold the authority that signed the certificate of etcd'
          : 'set WAYGATE_ETCD_CA (etcd.ca) to the file with the authority that signed it',
        code,
      }
  }
}
