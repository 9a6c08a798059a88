import type { EndpointUrl } from '../endpoint-url.ts'
import { NotInTimeError } from './within.ts'

/** The step at which a connection failed. */
export type ConnectionStep = 'tcp' | 'tls' | 'http2' | 'grpc'

/** Why an endpoint has no usable connection, and what to do about it. */
export interface ConnectionFailure {
  readonly message: string
  readonly hint: string
  /** The error code of the system or of OpenSSL, if there is one. */
  readonly code?: string | undefined
}

/** The parts of a server's certificate that explain why it was rejected. */
export interface ShownCertificate {
  readonly subject: string
  readonly issuer: string
  /** The names and addresses that it is valid for, in OpenSSL's format. */
  readonly names: string
  readonly validFrom: string
  readonly validTo: string
}

const CLIENT_CERTIFICATE =
  /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERT|ACCESS_DENIED|HANDSHAKE_FAILURE)|ALERT_NO_CERT|HANDSHAKE_FAILURE/

/** Explains a failed connection to people. */
export function explainConnection(
  { url, secure, host, port }: EndpointUrl,
  step: ConnectionStep,
  error: unknown,
  hasClientCertificate: boolean,
): ConnectionFailure {
  const { code = '' } = error as NodeJS.ErrnoException
  // When a name has several addresses, the error stands for all of them and has no message.
  const message = (error as Error).message || code
  if (error instanceof NotInTimeError) {
    return step === 'tcp'
      ? {
          message: `cannot connect to ${url}: ${message}`,
          hint: `the machine is off, the address is wrong, or a firewall drops the packets to port ${port}`,
        }
      : {
          message: `${url} accepts connections but does not answer: ${message} (${STEPS[step]})`,
          hint: 'the process hangs or is stopped, or its disk or machine is overloaded; check it there, and restart it',
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
      message: `cannot connect to ${url}: there is no host ${host}`,
      hint: 'correct the host name or the DNS settings of this machine',
      code,
    }
  }
  if (step === 'tcp') {
    return {
      message: `cannot connect to ${url}: ${message}`,
      hint: 'check the address, and the network between this machine and etcd',
      code,
    }
  }
  if (CLIENT_CERTIFICATE.test(code)) {
    return {
      message: hasClientCertificate
        ? `${url} rejects our client certificate (${code})`
        : `${url} requires a client certificate (${code})`,
      hint: hasClientCertificate
        ? "etcd.cert must be signed by an authority in etcd's --trusted-ca-file, currently valid, and meant for client use"
        : 'set WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY (etcd.cert and etcd.key) to a certificate that etcd trusts and its key',
      code,
    }
  }
  if (step === 'tls') {
    return {
      message: `${url} does not speak TLS (${code || message})`,
      hint: 'if this etcd has no TLS, use http:// instead of https://',
      code,
    }
  }
  if (secure && (code === '' || code === 'ECONNRESET')) {
    return {
      message: `${url} closes the connection after the TLS handshake`,
      hint: hasClientCertificate
        ? 'it may reject our client certificate (etcd.cert); see the log of etcd'
        : "it may require a client certificate (etcd.cert and etcd.key), or may not be etcd's client port, usually 2379",
      code,
    }
  }
  return {
    message: `${url} does not speak gRPC (${code || message})`,
    hint: `${secure ? '' : 'if this etcd has TLS, use https:// instead of http://; '}etcd's client port is usually 2379, its peer port 2380`,
    code,
  }
}

const STEPS: Readonly<Record<ConnectionStep, string>> = {
  tcp: 'connecting',
  tls: 'TLS handshake',
  http2: 'HTTP/2 handshake',
  grpc: 'first call',
}

/** Explains to people why a server's certificate was rejected. */
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
        hint: 'correct the clock of this machine, or of the machine that issued the certificate',
        code,
      }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        message: `${url} has a certificate for ${names || subject}, not for ${host}`,
        hint: `use a name that the certificate is valid for, or add ${host} to its subject alternative names`,
        code,
      }
    default:
      return {
        message: `${url} has a certificate from ${issuer} that is not trusted here (${code})`,
        hint: hasAuthority
          ? 'WAYGATE_ETCD_CA (etcd.ca) must contain the authority that signed the certificate of etcd'
          : 'set WAYGATE_ETCD_CA (etcd.ca) to the file of the authority that signed it',
        code,
      }
  }
}
