import type { SecureContext } from 'node:tls'
import { type CertificateFiles, type KeyPair, readKeyPairFiles } from '../../config/keys/certificate-pair.ts'
import { readWhileRunning } from '../../config/keys/file-contents.ts'
import { readAuthorities } from '../../config/keys/key-files.ts'
import { expiredText, type UpstreamTlsKeys } from '../../config/keys/upstream-tls-keys.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { UpstreamTlsRule } from '../../internal/routing/route.ts'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'
import type { FollowedSet } from './followed-files.ts'

type UpstreamTlsConfig = Config['upstream']['tls']

export interface UpstreamTlsOptions {
  readonly config: UpstreamTlsConfig
  /** What the files held at the start. */
  readonly keys: UpstreamTlsKeys | undefined
  /** Returns the rule that the routes of a service set; the same object as long as no route changes. */
  readonly ruleOf: (service: string) => UpstreamTlsRule | undefined
  readonly logger: Logger
}

/** Settings that are kept. Usually all services have the same. */
const MAX_KEPT = 256
/** No identity of the configuration can have this name. */
const OWN = ''
const NO_RULE: UpstreamTlsRule = Object.freeze({})

/**
 * Knows how TLS is spoken with the nodes of each service: as configured, and as the rule of a route says. Whoever follows
 * the files lets new connections use what they hold then. Those that cannot be used are reported, and the last good ones stay.
 */
export class UpstreamTls {
  readonly #options: UpstreamTlsOptions
  #ofRule = new WeakMap<UpstreamTlsRule, TlsSettings>()
  /** By what a rule says, since a new list of routes has other objects that say the same. */
  readonly #ofText = new Map<string, TlsSettings>()
  /** By what of a rule they depend on: with the authorities of the system, one takes 50 ms. */
  readonly #contexts = new Map<string, SecureContext>()
  #authorities: string | undefined
  /** By name; that of all services which name none has the name {@link OWN}. */
  readonly #identities: Map<string, KeyPair>
  /** Why files are not used, by the first path of their set. */
  readonly #reasons = new Map<string, string>()

  constructor(options: UpstreamTlsOptions) {
    this.#options = options
    const { keys } = options
    this.#authorities = keys?.ca
    this.#identities = new Map(keys?.identities)
    if (keys?.identity !== undefined) this.#identities.set(OWN, keys.identity)
  }

  /** The files to follow: the authorities, and each certificate with its key. */
  get followed(): FollowedSet[] {
    const { ca, cert, key, identities } = this.#options.config
    const sets: FollowedSet[] = []
    if (ca !== undefined) sets.push(this.#follow([ca], () => this.#readAuthorities(ca)))
    if (cert !== undefined && key !== undefined) sets.push(this.#followPair(OWN, { cert, key }))
    for (const [name, files] of Object.entries(identities)) sets.push(this.#followPair(name, files))
    return sets
  }

  /** Which files cannot be used, for people. */
  problems(): KeyProblem[] {
    return Array.from(this.#reasons, ([key, reason]) => ({ key, reason }))
  }

  /** Returns the settings for the next connection to a node of a service: the same object as long as nothing changes. */
  settingsOf(service: string): TlsSettings {
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
    const own = this.#identities.get(rule.identity ?? OWN)
    return {
      context: this.#contextOf(rule, own),
      serverName: rule.serverName,
      verify: rule.verify ?? this.#options.config.verify,
      hasCertificate: own !== undefined,
    }
  }

  #contextOf({ ca: ofRule, identity }: UpstreamTlsRule, own: KeyPair | undefined): SecureContext {
    const what = JSON.stringify([ofRule, identity])
    const known = this.#contexts.get(what)
    if (known !== undefined) return known
    const { minVersion } = this.#options.config
    const ca = ofRule ?? this.#authorities ?? systemAuthorities()
    const context = process.getBuiltinModule('node:tls').createSecureContext({
      ...{ cert: own?.cert, key: own?.key, minVersion },
      ...(ca !== undefined && { ca: ca as string }),
    })
    this.#contexts.set(what, context)
    return context
  }

  #followPair(name: string, files: CertificateFiles): FollowedSet {
    return this.#follow([files.cert, files.key], () => this.#readIdentity(name, files))
  }

  /**
   * @param read takes over what files hold now, and returns whether that is something else; throws when it cannot be used
   */
  #follow(paths: readonly [string, ...string[]], read: () => boolean): FollowedSet {
    const { logger } = this.#options
    return {
      paths,
      readAgain: () => {
        if (!read()) return
        this.#ofRule = new WeakMap()
        this.#ofText.clear()
        this.#contexts.clear()
        logger.info({ files: paths }, 'certificates for nodes changed; new connections use the new ones')
      },
      onProblem: reason => {
        if (reason === undefined) this.#reasons.delete(paths[0])
        else {
          this.#reasons.set(paths[0], reason)
          logger.warn({ reason }, 'certificates for nodes cannot be used; keeping the last good ones')
        }
      },
    }
  }

  #readAuthorities(file: string): boolean {
    const before = this.#authorities
    this.#authorities = readAuthorities(file, readWhileRunning)
    return this.#authorities !== before
  }

  #readIdentity(name: string, files: CertificateFiles): boolean {
    const before = this.#identities.get(name)
    const pair = readKeyPairFiles(files, readWhileRunning)
    if (before?.cert === pair.cert && before.key === pair.key) return false
    if (pair.validUntil < Date.now()) throw new Error(`${files.cert} ${expiredText(pair)}`)
    this.#identities.set(name, pair)
    return true
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
