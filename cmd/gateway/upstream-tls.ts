import type { SecureContext } from 'node:tls'
import { readWhileRunning } from '../../config/keys/file-contents.ts'
import type { Findings } from '../../config/keys/key-files.ts'
import {
  loadUpstreamTls,
  type TlsIdentity,
  type UpstreamTlsKeys,
} from '../../config/keys/upstream-tls-keys.ts'
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
  #authorities: Buffer | undefined
  #own: TlsIdentity | undefined
  readonly #identities: Map<string, TlsIdentity>
  /** Why files are not used, by the first path of their set. */
  readonly #reasons = new Map<string, string>()

  constructor(options: UpstreamTlsOptions) {
    this.#options = options
    const { keys } = options
    this.#authorities = keys?.ca
    this.#own = keys?.identity
    this.#identities = new Map(keys?.identities)
  }

  /** The files to follow: the authorities, and each certificate with its key. */
  get followed(): FollowedSet[] {
    const { ca, cert, key, identities } = this.#options.config
    const sets: FollowedSet[] = []
    if (ca !== undefined) {
      sets.push(
        this.#follow(
          { ca },
          {
            isInUse: keys => this.#authorities?.equals(keys.ca!) === true,
            use: keys => {
              this.#authorities = keys.ca
            },
          },
        ),
      )
    }
    if (cert !== undefined && key !== undefined) {
      sets.push(
        this.#follow(
          { cert, key },
          {
            isInUse: keys => isSame(keys.identity!, this.#own),
            use: keys => {
              this.#own = keys.identity
            },
          },
        ),
      )
    }
    for (const [name, files] of Object.entries(identities)) {
      sets.push(
        this.#follow(files, {
          isInUse: keys => isSame(keys.identity!, this.#identities.get(name)),
          use: keys => void this.#identities.set(name, keys.identity!),
        }),
      )
    }
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
    const own = rule.identity === undefined ? this.#own : this.#identities.get(rule.identity)
    return {
      context: this.#contextOf(rule, own),
      serverName: rule.serverName,
      verify: rule.verify ?? this.#options.config.verify,
      hasCertificate: own !== undefined,
    }
  }

  #contextOf({ ca: ofRule, identity }: UpstreamTlsRule, own: TlsIdentity | undefined): SecureContext {
    const what = JSON.stringify([ofRule, identity])
    const known = this.#contexts.get(what)
    if (known !== undefined) return known
    const { minVersion } = this.#options.config
    const ca = ofRule ?? this.#authorities ?? systemAuthorities()
    const context = process.getBuiltinModule('node:tls').createSecureContext({
      ...{ cert: own?.cert, key: own?.key, minVersion },
      ...(ca !== undefined && { ca: ca as Buffer }),
    })
    this.#contexts.set(what, context)
    return context
  }

  #follow(files: SetOfFiles, { isInUse, use }: Followed): FollowedSet {
    const { logger } = this.#options
    const paths = Object.values(files)
    return {
      paths,
      readAgain: () => {
        const findings: Findings = { problems: [], warnings: [], readFile: readWhileRunning }
        const all = { ...files, identities: {}, minVersion: 'TLSv1.2', verify: true } as const
        const keys = loadUpstreamTls(all, findings)
        const [problem] = findings.problems
        if (problem !== undefined) throw new Error(problem.message)
        if (isInUse(keys!)) return
        // The one warning there is: the certificate has expired.
        const [warning] = findings.warnings
        if (warning !== undefined) throw new Error(warning)
        use(keys!)
        this.#ofRule = new WeakMap()
        this.#ofText.clear()
        this.#contexts.clear()
        logger.info({ files: paths }, 'certificates for nodes changed; new connections use the new ones')
      },
      onProblem: reason => {
        if (reason === undefined) this.#reasons.delete(paths[0]!)
        else {
          this.#reasons.set(paths[0]!, reason)
          logger.warn({ reason }, 'certificates for nodes cannot be used; keeping the last good ones')
        }
      },
    }
  }
}

type SetOfFiles = { readonly ca: string } | { readonly cert: string; readonly key: string }

interface Followed {
  /** Whether what the files hold is in use already. */
  readonly isInUse: (keys: UpstreamTlsKeys) => boolean
  readonly use: (keys: UpstreamTlsKeys) => void
}

function isSame(one: TlsIdentity, other: TlsIdentity | undefined): boolean {
  return other !== undefined && one.cert.equals(other.cert) && one.key.equals(other.key)
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
