import type { Logger } from 'pino'
import {
  type CertificateFiles,
  type CertificatePair,
  readCertificateFiles,
} from '../../config/keys/certificate-pair.ts'
import { readWhileRunning } from '../../config/keys/file-contents.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import { hostOfName, wildcardOf } from '../../internal/tls/alt-names.ts'
import { CertificateTable } from '../../internal/tls/certificate-table.ts'
import type { CertificateView } from '../../routes/admin/views.ts'
import type { FollowedSet } from './followed-files.ts'

export interface LiveCertificatesOptions {
  readonly files: readonly CertificateFiles[]
  /** What `files` held at the start, in the same order. */
  readonly pairs: readonly CertificatePair[]
  /**
   * The certificate for clients that name no host with a certificate: the one with a name, or that of an origin; undefined =
   * there is none.
   */
  readonly default: { readonly name: string } | { readonly origin: string | undefined }
  readonly logger: Logger
  /** Called when other certificates are to be served. */
  readonly onChange: () => void
  /** Returns milliseconds since 1970. */
  readonly now?: () => number
}

const DAY_MS = 86_400_000
/** How long before its end a certificate is warned of, each once. */
const WARNED_MS = [21 * DAY_MS, 7 * DAY_MS, 0]
/** One that lives shorter is warned of when so much of its life is left. */
const WARNED_SHARES = [1 / 3, 1 / 9, 0]
/** How often dates are looked at. */
const CHECK_MS = 60_000

/**
 * The certificates that are served to clients. One that cannot be used leaves the last good one of its origin in its place.
 * Its owner calls `close()`.
 */
export class LiveCertificates {
  readonly #options: LiveCertificatesOptions
  readonly #now: () => number
  /** By origin. */
  readonly #pairs = new Map<string, CertificatePair>()
  /** Why the present content of an origin is not used. */
  readonly #reasons = new Map<string, string>()
  /** Certificates of an origin that are not valid yet, and take the place of its present one once they are. */
  readonly #pending = new Map<string, CertificatePair>()
  /** How many of the warnings of a certificate were given. */
  readonly #warned = new WeakMap<CertificatePair, number>()
  readonly #timer: NodeJS.Timeout
  /** When dates were looked at last, milliseconds since 1970. */
  #lookedAt: number
  /** Made when it is needed: a thousand certificates may change at once. */
  #made: CertificateTable<CertificatePair> | undefined
  /** The same of the certificates that have the name of the default, which is asked for after each change. */
  #madeForDefault: CertificateTable<CertificatePair> | undefined

  constructor(options: LiveCertificatesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#lookedAt = this.#now()
    for (const pair of options.pairs) this.#pairs.set(pair.origin, pair)
    this.#warn(this.#pairs.values())
    this.#timer = setInterval(() => this.#lookAtDates(), CHECK_MS).unref()
  }

  /** The files to follow. */
  get followed(): FollowedSet[] {
    return this.#options.files.map(files => ({
      paths: [files.cert, files.key, ...(files.keyPasswordFile === undefined ? [] : [files.keyPasswordFile])],
      readAgain: () => this.replace(files.cert, readCertificateFiles(files, readWhileRunning)),
      onProblem: reason => this.noteProblem(files.cert, reason),
    }))
  }

  /** Returns the certificate for a server name or a host; undefined when no certificate has that name. */
  find(serverName: string): CertificatePair | undefined {
    return this.#table.find(hostOfName(serverName))
  }

  /** The certificate for clients that name no host with a certificate; undefined = they get no connection. */
  get default(): CertificatePair | undefined {
    const { default: chosen } = this.#options
    if ('name' in chosen) {
      const fitting = () => [...this.#pairs.values()].filter(pair => this.#mayBeDefault(pair))
      this.#madeForDefault ??= new CertificateTable(fitting(), this.#now())
      return this.#madeForDefault.find(hostOfName(chosen.name))
    }
    return chosen.origin === undefined ? undefined : this.#pairs.get(chosen.origin)
  }

  /** What is wrong, for people. */
  problems(): KeyProblem[] {
    const problems = Array.from(this.#reasons, ([key, reason]): KeyProblem => ({ key, reason }))
    const now = this.#now()
    for (const pair of this.#pairs.values()) {
      const reason = dateProblem(pair, now)
      if (reason !== undefined) problems.push({ key: pair.origin, reason })
    }
    for (const [key, { validFrom }] of this.#pending) {
      problems.push({ key, reason: `the new certificate is not valid before ${dateText(validFrom)}` })
    }
    const { default: chosen } = this.#options
    if ('name' in chosen && this.default === undefined) {
      problems.push({ key: 'tls.default', reason: `no certificate has the name ${chosen.name}` })
    }
    for (const { certificate, name, by } of this.#table.superseded) {
      problems.push({ key: certificate.origin, reason: `not used for ${name}: ${by.origin} is` })
    }
    return problems
  }

  /** The certificates, for metrics. */
  views(): CertificateView[] {
    return Array.from(this.#pairs.values(), ({ names, origin, validUntil }) => ({
      ...{ name: names[0]!, origin, validUntil },
    }))
  }

  /**
   * Uses a pair in place of what its origin had: from now on, or once it is valid if the old one is until then.
   *
   * @throws Error when it has expired, and the one that it would replace has not
   */
  replace(origin: string, pair: CertificatePair): void {
    const old = this.#pairs.get(origin)
    const isSame = old?.fingerprint === pair.fingerprint && old.key === pair.key && old.cert === pair.cert
    if (!isSame && old !== undefined && isOver(pair, this.#now()) && !isOver(old, this.#now())) {
      throw new Error(`the certificate expired at ${dateText(pair.validUntil)}`)
    }
    this.#pending.delete(origin)
    this.#reasons.delete(origin)
    if (isSame) return
    if (old !== undefined && pair.validFrom > this.#now() && isValid(old, this.#now())) {
      this.#pending.set(origin, pair)
      return
    }
    this.#pairs.set(origin, pair)
    this.#options.logger.info(
      { certificate: origin, names: pair.names, validUntil: dateText(pair.validUntil) },
      'certificate changed; new connections get it',
    )
    this.#warn([pair])
    this.#changed(old === undefined ? [pair] : [old, pair])
  }

  /** Notes why what an origin holds now cannot be used; undefined = it can again. */
  noteProblem(origin: string, reason: string | undefined): void {
    if (reason === undefined) {
      this.#reasons.delete(origin)
      return
    }
    this.#reasons.set(origin, reason)
    const message = this.#pairs.has(origin)
      ? 'certificate cannot be used; keeping the last good one'
      : 'certificate cannot be used'
    this.#options.logger.warn({ certificate: origin, reason }, message)
  }

  /** Serves the certificate of an origin no longer. */
  remove(origin: string): void {
    this.#reasons.delete(origin)
    this.#pending.delete(origin)
    const old = this.#pairs.get(origin)
    if (old === undefined) return
    this.#pairs.delete(origin)
    this.#options.logger.info({ certificate: origin }, 'certificate removed; new connections do not get it')
    this.#changed([old])
  }

  close(): void {
    clearInterval(this.#timer)
  }

  get #table(): CertificateTable<CertificatePair> {
    this.#made ??= new CertificateTable([...this.#pairs.values()], this.#now())
    return this.#made
  }

  #mayBeDefault({ names }: CertificatePair): boolean {
    const { default: chosen } = this.#options
    if (!('name' in chosen)) return false
    const name = hostOfName(chosen.name)
    return names.includes(name) || names.includes(wildcardOf(name))
  }

  /** @param pairs those that are there now or no longer */
  #changed(pairs: readonly CertificatePair[]): void {
    this.#made = undefined
    if (pairs.some(pair => this.#mayBeDefault(pair))) this.#madeForDefault = undefined
    this.#options.onChange()
  }

  /** One that has just expired makes room for another of the same name, and one that was waited for is valid. */
  #lookAtDates(): void {
    const [before, now] = [this.#lookedAt, this.#now()]
    this.#lookedAt = now
    for (const [origin, pair] of this.#pending) if (pair.validFrom <= now) this.#replaceNow(origin, pair)
    this.#warn(this.#pairs.values())
    const isNew = (time: number) => before < time && time <= now
    const hasChanged = (pair: CertificatePair) => isNew(pair.validFrom) || isNew(pair.validUntil)
    const changed = [...this.#pairs.values()].filter(hasChanged)
    if (changed.length > 0) this.#changed(changed)
  }

  /** Uses a pair that was waited for. It may have expired meanwhile, such as while the machine was suspended. */
  #replaceNow(origin: string, pair: CertificatePair): void {
    try {
      this.replace(origin, pair)
    } catch (error) {
      this.#pending.delete(origin)
      this.noteProblem(origin, (error as Error).message)
    }
  }

  #warn(pairs: Iterable<CertificatePair>): void {
    const now = this.#now()
    for (const pair of pairs) {
      const due = warnedMs(pair).filter(ms => pair.validUntil - now <= ms).length
      if (due <= (this.#warned.get(pair) ?? 0)) continue
      this.#warned.set(pair, due)
      const { origin, names, validUntil } = pair
      const message = isOver(pair, now) ? 'certificate has expired' : 'certificate expires soon'
      this.#options.logger.warn({ certificate: origin, names, validUntil: dateText(validUntil) }, message)
    }
  }
}

/** Returns how long before its end a certificate is warned of. */
function warnedMs({ validFrom, validUntil }: CertificatePair): number[] {
  return WARNED_MS.map((ms, index) => Math.min(ms, (validUntil - validFrom) * WARNED_SHARES[index]!))
}

function isValid({ validFrom, validUntil }: CertificatePair, now: number): boolean {
  return validFrom <= now && now < validUntil
}

function isOver({ validUntil }: CertificatePair, now: number): boolean {
  return validUntil <= now
}

/** Returns what is wrong with the dates of a certificate that is in use. */
function dateProblem(pair: CertificatePair, now: number): string | undefined {
  const { validFrom, validUntil } = pair
  if (validUntil <= now) return `the certificate expired at ${dateText(validUntil)}`
  if (validFrom > now) return `the certificate is not valid before ${dateText(validFrom)}`
  return validUntil - now <= warnedMs(pair)[0]!
    ? `the certificate expires at ${dateText(validUntil)}`
    : undefined
}

function dateText(time: number): string {
  return new Date(time).toISOString()
}
