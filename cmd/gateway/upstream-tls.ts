import type { SecureContext } from 'node:tls'
import type { UpstreamTlsKeys } from '../../config/keys/upstream-tls-keys.ts'
import type { Config } from '../../config/schema.ts'
import { checkTls, type EtcdTls, isSameTls, readTlsFiles } from '../../discovery/etcd/tls-files.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { UpstreamTlsRule } from '../../internal/routing/route.ts'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'

export interface UpstreamTlsOptions {
  readonly config: Config['upstream']['tls']
  /** What the files held at the start. */
  readonly keys: UpstreamTlsKeys | undefined
  /** Returns the rule that the routes of a service set; the same object as long as no route changes. */
  readonly ruleOf: (service: string) => UpstreamTlsRule | undefined
  readonly logger: Logger
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

/** The files are looked at no more often than this, when a connection is made. */
const LOOK_AGAIN_MS = 1_000

/** Settings that are kept. Usually all services have the same. */
const MAX_KEPT = 256
const NO_RULE: UpstreamTlsRule = Object.freeze({})

/** PEM texts, or where they come from. The fields are those of the files of `upstream.tls`, and of one identity. */
type Pem = Pick<EtcdTls, 'ca' | 'cert' | 'key' | 'files'>

/**
 * Knows how TLS is spoken with the nodes of each service: as configured, and as the rule of a route says. Files that have
 * changed hold for new connections. Those that cannot be used are reported, and the last good ones stay.
 */
export class UpstreamTls {
  readonly #options: UpstreamTlsOptions
  readonly #now: () => number
  #ofRule = new WeakMap<UpstreamTlsRule, TlsSettings>()
  /** By what a rule says, since a new list of routes has other objects that say the same. */
  readonly #ofText = new Map<string, TlsSettings>()
  /** By what of a rule they depend on: with the authorities of the system, one takes 50 ms. */
  readonly #contexts = new Map<string, SecureContext>()
  /** The configured files, and those of each identity by its name. */
  #default: Pem
  readonly #identities: Map<string, Pem>
  #lookedAt = Number.NEGATIVE_INFINITY
  /** The problems of files that were reported, so that each is reported once. */
  #reported = ''

  constructor(options: UpstreamTlsOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const { config, keys } = options
    const { ca, cert, key } = config
    this.#default = { ca: keys?.ca, ...keys?.identity, files: { ca, cert, key } }
    this.#identities = new Map(
      Object.entries(config.identities).map(([name, files]) => [
        name,
        { ...keys?.identities.get(name), files },
      ]),
    )
  }

  /** Returns the settings for the next connection to a node of a service: the same object as long as nothing changes. */
  settingsOf(service: string): TlsSettings {
    this.#readAgain()
    const rule = this.#options.ruleOf(service) ?? NO_RULE
    const known = this.#ofRule.get(rule)
    if (known !== undefined) return known
    const text = JSON.stringify(rule)
    const settings = this.#ofText.get(text) ?? this.#settle(rule)
    if (this.#ofText.size >= MAX_KEPT) this.#ofText.clear()
    if (this.#contexts.size >= MAX_KEPT) this.#contexts.clear()
    this.#ofText.set(text, settings)
    this.#ofRule.set(rule, settings)
    return settings
  }

  #settle(rule: UpstreamTlsRule): TlsSettings {
    // The name was checked when the document was read. Without a certificate, a node that asks for one refuses.
    const own = rule.identity === undefined ? this.#default : (this.#identities.get(rule.identity) ?? {})
    return {
      context: this.#contextOf(rule, own),
      serverName: rule.serverName,
      verify: rule.verify ?? this.#options.config.verify,
      hasCertificate: own.cert !== undefined,
    }
  }

  #contextOf({ ca: ofRule, identity }: UpstreamTlsRule, { cert, key }: Pem): SecureContext {
    const what = JSON.stringify([ofRule, identity])
    const known = this.#contexts.get(what)
    if (known !== undefined) return known
    const { minVersion } = this.#options.config
    const ca = ofRule ?? this.#default.ca ?? systemAuthorities()
    const context = process.getBuiltinModule('node:tls').createSecureContext({
      ...{ cert, key, minVersion },
      ...(ca !== undefined && { ca: ca as Buffer }),
    })
    this.#contexts.set(what, context)
    return context
  }

  /** Takes over what the files hold by now, all of it or nothing. */
  #readAgain(): void {
    const now = this.#now()
    if (now - this.#lookedAt < LOOK_AGAIN_MS) return
    this.#lookedAt = now
    const { logger } = this.#options
    try {
      const files: string[] = []
      const read = (pem: Pem): Pem => {
        const fresh = readTlsFiles(pem.files!)
        if (isSameTls(fresh, pem)) return pem
        checkTls({ ca: fresh.ca, cert: fresh.cert, key: fresh.key, files: pem.files })
        files.push(...Object.values(pem.files ?? {}).filter(file => file !== undefined))
        return fresh
      }
      const byDefault = read(this.#default)
      const identities = [...this.#identities].map(([name, pem]) => [name, read(pem)] as const)
      this.#reported = ''
      if (files.length === 0) return
      this.#default = byDefault
      for (const [name, pem] of identities) this.#identities.set(name, pem)
      this.#ofRule = new WeakMap()
      this.#ofText.clear()
      this.#contexts.clear()
      logger.info({ files }, 'certificates for nodes changed; new connections use the new ones')
    } catch (error) {
      const reason = (error as Error).message
      if (reason === this.#reported) return
      this.#reported = reason
      logger.warn({ reason }, 'certificates for nodes cannot be used; keeping the last good ones')
    }
  }
}

let ofSystem: readonly string[] | undefined

/**
 * Returns the authorities of the system and of NODE_EXTRA_CA_CERTS; undefined where the system has none, so that those of
 * Node apply. Reading them takes long, so they are read when they are first needed.
 */
function systemAuthorities(): readonly string[] | undefined {
  if (ofSystem === undefined) {
    const { getCACertificates } = process.getBuiltinModule('node:tls')
    const system = getCACertificates('system')
    ofSystem = system.length === 0 ? [] : [...new Set([...system, ...getCACertificates('extra')])]
  }
  return ofSystem.length === 0 ? undefined : ofSystem
}
