import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { FileContents } from '../../config/keys/file-contents.ts'
import type { Keys } from '../../config/keys/keys.ts'
import { ConfigError, jsonPath } from '../../config/kit/problem.ts'
import type { Reload } from '../../config/kit/values.ts'
import { type ConfigChange, findChanges, keepOthers } from '../../config/load/config-changes.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { findRuleProblems } from '../../config/load/rules.ts'
import type { ReloadCounts } from '../../routes/admin/metrics/reload-metrics.ts'
import { type ReloadPage, ReloadRefused } from '../../routes/admin/reload-types.ts'
import { checkLoaded } from './check-loaded.ts'
import { loadWritten } from './load-written.ts'
import { logStartWarnings } from './logger.ts'
import type { RefusedDocument } from './settings.ts'

/** A configuration with everything that was read along with it. */
export interface Source {
  readonly loaded: LoadedConfig
  readonly keyFiles: FileContents
}

/** What a reload would put in force. Exactly one of the two functions is called. */
export interface PreparedSource {
  readonly refused?: readonly RefusedDocument[]
  /**
   * @param onInForce called at the latest when the source is in force in some place, which it then stays
   * @throws Error with the reason when it turns out not to work; unless `onInForce` was called, what was in force still is
   */
  apply(onInForce: () => void): Promise<void>
  discard(): void
}

export interface ReloaderOptions {
  /** Reads file and environment again. @throws ConfigError with all problems */
  readonly load: () => Source
  /** The configuration in force. */
  readonly source: Source
  /** Which changes take effect without a restart. */
  readonly applies: ReadonlySet<Reload>
  /** Whether a reload without any change does something all the same. Default: it does nothing. */
  readonly alwaysApplies?: boolean
  /** Makes everything that a source needs, without using it. @throws Error with the reason when it cannot be used */
  readonly prepare: (source: Source) => PreparedSource | Promise<PreparedSource>
  /** Called when a reload begins that is not a dry run, and when it is over, whatever came of it. */
  readonly onBegin?: () => void
  readonly onEnd?: () => void
  /** Says for people what an error means that is none of the configuration. */
  readonly formatError: (error: unknown) => string
  readonly logger: Logger
}

/** What a reload has found out before it took effect. */
interface Plan {
  readonly page: ReloadPage
  readonly next: Source
  readonly prepared: PreparedSource | undefined
}

/**
 * Loads the configuration again while the gateway runs: at SIGHUP, and when the admin listener is asked to. Everything new is
 * made before anything changes; a configuration with a mistake changes nothing. One reload runs at a time, and the next one reads
 * the files after it.
 */
export class Reloader {
  readonly counts: ReloadCounts = { succeeded: 0, failed: 0 }
  readonly #options: ReloaderOptions
  /** What is in force, with the old values of what needs a restart. */
  #source: Source
  #last: Promise<unknown> = Promise.resolve()
  #waiting: Promise<void> | undefined
  #isClosed = false

  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#source = options.source
  }

  /** The configuration in force. */
  get source(): Source {
    return this.#source
  }

  /** Reloads because of a signal. Never rejects: the log says what came of it. Signals during a reload cause one more. */
  onSignal(): Promise<void> {
    this.#waiting ??= this.#inTurn(() => {
      this.#waiting = undefined
      return this.#reload()
    }).then(
      () => {},
      () => {},
    )
    return this.#waiting
  }

  /**
   * Reloads, or only says what a reload would do.
   *
   * @throws ReloadRefused when the configuration cannot be used; nothing has changed then
   */
  reload({ dryRun }: { readonly dryRun: boolean }): Promise<ReloadPage> {
    return this.#inTurn(() => (dryRun ? this.#try() : this.#reload()))
  }

  /** No reload begins after that, and one that is under way changes nothing unless it is taking effect already. */
  close(): void {
    this.#isClosed = true
  }

  #inTurn(run: () => Promise<ReloadPage>): Promise<ReloadPage> {
    const done = this.#last.then(() => {
      if (this.#isClosed) throw shuttingDown()
      return run()
    })
    this.#last = done.catch(() => {})
    return done
  }

  async #try(): Promise<ReloadPage> {
    try {
      const { page, prepared } = await this.#plan()
      prepared?.discard()
      return page
    } catch (error) {
      throw this.#refusalOf(error)
    }
  }

  async #reload(): Promise<ReloadPage> {
    const { logger, onBegin, onEnd } = this.#options
    const begunAt = performance.now()
    logger.info('reloading the configuration')
    onBegin?.()
    let isApplying = false
    try {
      const { page, next, prepared } = await this.#plan()
      if (this.#isClosed) {
        prepared?.discard()
        throw shuttingDown()
      }
      logStartWarnings(next.loaded, logger)
      this.#logPlan(page)
      isApplying = true
      const onInForce = () => {
        this.#source = next
      }
      if (prepared) await prepared.apply(onInForce)
      else onInForce()
      this.counts.succeeded++
      const tookMs = Math.round(performance.now() - begunAt)
      const changed = page.changes.map(({ path }) => path)
      logger.info({ changed, tookMs }, 'new configuration is active')
      return { ...page, applied: true }
    } catch (error) {
      if (this.#isClosed) throw this.#refusalOf(error)
      this.counts.failed++
      const refusal = this.#refusalOf(error)
      for (const { source, path, message } of refusal.problems) {
        const place = { ...(source !== undefined && { source }), ...(path !== '' && { path }) }
        if (isApplying) logger.error({ reason: message }, 'new configuration could not be applied')
        else
          logger.error({ ...place, reason: message }, 'new configuration rejected; keeping the current one')
      }
      throw refusal
    } finally {
      onEnd?.()
    }
  }

  #refusalOf(error: unknown): ReloadRefused {
    if (error instanceof ReloadRefused) return error
    if (error instanceof ConfigError) return new ReloadRefused(error.problems)
    return new ReloadRefused([{ path: '', message: this.#options.formatError(error) }])
  }

  #logPlan({ needsRestart, refusedDocuments }: ReloadPage): void {
    const { logger } = this.#options
    if (needsRestart.length > 0) {
      const settings = needsRestart.map(
        ({ path, kept }) =>
          `${path}: needs a restart${kept === undefined ? '' : `; kept ${JSON.stringify(kept)}`}`,
      )
      logger.warn({ settings }, 'changed settings need a restart; keeping the old values')
    }
    for (const { id, reason } of refusedDocuments)
      logger.warn({ route: id, reason }, 'route document does not fit the new configuration')
  }

  /** Reads the configuration and makes everything that it needs. @throws Error, or ConfigError, when it cannot be used */
  async #plan(): Promise<Plan> {
    const { load, applies, alwaysApplies = false, prepare } = this.#options
    const old = this.#source
    const read = await loadWritten(load, (one, other) => isDeepStrictEqual(asRead(one), asRead(other)))
    if (read.loaded.isEmpty && !old.loaded.isEmpty) throw emptied(read.loaded)
    await checkLoaded(read.loaded)
    const all = findChanges(asRead(old), asRead(read))
    const [changes, others] = [
      all.filter(({ reload }) => applies.has(reload)),
      all.filter(({ reload }) => !applies.has(reload)),
    ]
    const next = others.length === 0 ? read : withOld(read, old, applies, others)
    if (others.length > 0) checkTogether(next.loaded, others)
    const prepared = changes.length > 0 || alwaysApplies ? await prepare(next) : undefined
    const page: ReloadPage = {
      applied: false,
      changes: changes.map(({ path, from, to, of }) => ({ path, of, from, to })),
      needsRestart: others.map(({ path, from, of }) => (of === 'value' ? { path, kept: from } : { path })),
      warnings: [...read.loaded.warnings, ...openingWarnings(old, next)],
      refusedDocuments: prepared?.refused ?? [],
    }
    return { page, next, prepared }
  }
}

function shuttingDown(): ReloadRefused {
  return new ReloadRefused([{ path: '', message: 'the gateway is shutting down' }])
}

/** Refuses an empty file. Editors often empty a file before they write it, and without its keys its routes would be open. */
function emptied({ file = '' }: LoadedConfig): ReloadRefused {
  const message = 'is empty now, which a reload takes for a mistake; write {} to have the defaults'
  return new ReloadRefused([{ path: '', source: file, message }])
}

function asRead({ loaded: { config }, keyFiles }: Source) {
  return { config, keyFiles }
}

/** The keys of fields whose `reload` is `live`. */
const LIVE_KEYS = ['jwt', 'formerJwt', 'issuers', 'users', 'stickyCookie'] as const satisfies (keyof Keys)[]

/** Returns a source in which what needs a restart is as before. @param kept the changes that need one */
function withOld(
  read: Source,
  old: Source,
  applies: ReadonlySet<Reload>,
  kept: readonly ConfigChange[],
): Source {
  const config = keepOthers(read.loaded.config, old.loaded.config, applies)
  const keys = { ...(applies.has('workers') ? read : old).loaded.keys }
  for (const name of LIVE_KEYS) Object.assign(keys, { [name]: read.loaded.keys[name] })
  // What is in force is compared again by the next reload, which names these files again.
  const files = kept.filter(({ of }) => of === 'file').map(({ from }) => String(from))
  const former = Object.fromEntries(files.map(file => [file, old.keyFiles[file]!]))
  return { loaded: { ...read.loaded, config, keys }, keyFiles: { ...read.keyFiles, ...former } }
}

/**
 * Checks that new settings fit those that are kept.
 *
 * @throws ConfigError
 */
function checkTogether({ config, sourceOf }: LoadedConfig, kept: readonly ConfigChange[]): void {
  const findings = [...findRuleProblems(config)]
  if (findings.length === 0) return
  const names = kept.map(({ path }) => path).join(', ')
  throw new ConfigError(
    findings.map(({ path, message }) => ({
      path: jsonPath(path),
      message: `${message}; it does not fit what only a restart changes (${names}), so restart instead`,
      source: sourceOf(path.join('.')),
    })),
  )
}

/** Says what a reload opens to everyone. */
function openingWarnings(old: Source, next: Source): readonly string[] {
  const hasKey = ({ loaded: { keys } }: Source) => keys.jwt !== undefined || keys.issuers !== undefined
  return hasKey(old) && !hasKey(next)
    ? ['no token key is configured now, so routes without auth are open to everyone']
    : []
}
