import { ERRORS, GatewayError } from '../../internal/http/errors.ts'
import { isNamed } from '../../internal/http/header-lines.ts'
import type { CallLimits } from '../../internal/limits/call-limits.ts'
import {
  type Charge,
  type CountedRule,
  type SharedCounters,
  StoreUnavailable,
  type Verdict,
} from '../../internal/limits/counters.ts'
import type { LocalCounters } from '../../internal/limits/local-counters.ts'
import {
  addRateHeaders,
  RATE_HEADER_NAMES,
  type RateHeaders,
  type RuleReport,
  sortReports,
} from '../../internal/limits/rate-headers.ts'
import type { EditHead, Exchange, Policy, Step } from '../../internal/policy.ts'
import type { KeyRule, ReadRequestKey, RequestKeyOptions } from '../request/request-key.ts'

/** The fields that rules of rate limits and of quotas have in common, as documents have them. */
export interface LimitFields {
  readonly limit: number
  readonly key?: KeyRule | undefined
  /**
   * Which requests are counted together. Default: those of the route. `set`: those of all routes that share the rule.
   * `service`: those of all routes of the service that have a rule of this name and key.
   */
  readonly scope?: 'route' | 'set' | 'service' | undefined
  readonly store?: 'local' | 'shared' | undefined
  /** How much a request costs; of methods that are not named, 1. */
  readonly cost?: number | { readonly byMethod: Readonly<Record<string, number>> } | undefined
  /** What happens to a request without a key. */
  readonly onMissing?: 'address' | 'shared' | 'skip' | 'refuse' | undefined
  /** What happens while the store cannot be asked. */
  readonly onStoreDown?: 'local' | 'allow' | 'refuse' | undefined
  /** False: refusals are only counted and logged. Default: true. */
  readonly enforce?: boolean | undefined
}

/** Returns what stands for a part of the key that a request does not have; undefined = nothing, so it has no key. */
export function standInFor({ onMissing = 'address' }: LimitFields): RequestKeyOptions['whenMissing'] {
  return onMissing === 'address' || onMissing === 'shared' ? onMissing : undefined
}

/** What all limits of this process share. */
export interface LimitSettings {
  readonly local: LocalCounters
  /** Undefined = there is no store. */
  readonly shared: SharedCounters | undefined
  /** In which fields clients are told of their limits. */
  readonly headers: RateHeaders
  /** How many processes share a limit while the store is away. */
  readonly processes: number
}

export interface LimitTools {
  readonly limits: LimitSettings
  /** Is called for every rule that refused a request. */
  readonly limited: (exchange: Exchange, rule: string) => void
  /** Is called for every rule that is not enforced and would have refused a request. */
  readonly wouldLimit: (exchange: Exchange, rule: string) => void
  /** Is called when rules that are not enforced would have refused a request, with the first of them. */
  readonly wouldRefuse: (exchange: Exchange, rule: string) => void
}

/** A rule as a stage runs it. */
export interface StageRule {
  /** The name of the rule, behind that of its level if it is not written in the document: `defaults/burst`. */
  readonly label: string
  readonly fields: LimitFields
  readonly keyOf: ReadRequestKey
  /** Returns what is counted for a request, always the same object for the same rule and subject. */
  readonly countedFor: (exchange: Exchange) => CountedRule
  /** The charge is made when the answer has one of these statuses; undefined = on arrival. */
  readonly countStatuses: readonly number[] | undefined
  /** Whether clients are not told of the rule. */
  readonly isHidden: boolean
  /** The window of the calendar that is counted now, milliseconds; undefined = those of the algorithm. */
  readonly window?: () => { readonly startsAt: number; readonly endsAt: number }
}

interface Asked {
  readonly rule: StageRule
  readonly charge: Charge
  /** The length of the window that the charge is counted in. The one of the calendar may be over when the store answers. */
  readonly windowMs: number
}

interface Answered extends Asked {
  /** What the rule has said; undefined where it could not be asked, and lets pass. */
  readonly verdict: Verdict | undefined
  /** Where the charge is counted. */
  readonly counters: Pick<SharedCounters, 'add'> | undefined
}

/** Makes the error of a request that is refused. `retryMs` is Infinity when it can never be admitted. */
export type Refuse = (violated: readonly string[], retryMs: number) => GatewayError

/**
 * Creates the step that admits a request if every rule does. All rules are tested before any is charged, so a request that
 * is refused costs nothing. Rules that are not enforced are asked afterwards, each by itself.
 *
 * The step stays synchronous as long as no rule needs the store.
 */
export function createLimitStage(rules: readonly StageRule[], tools: LimitTools, refuse: Refuse): Step {
  const { local, shared } = tools.limits
  const enforced = rules.filter(({ fields }) => fields.enforce !== false)
  const observed = rules.filter(({ fields }) => fields.enforce === false)

  /** Asks rules that must admit a request together. */
  function take(
    asked: readonly Asked[],
    limits: CallLimits,
  ): readonly Answered[] | Promise<readonly Answered[]> {
    if (!asked.some(isShared)) return answersOf(asked, local.take(asked.map(chargeOf)), local)
    const ours = asked.filter(each => !isShared(each))
    const theirs = asked.filter(isShared)
    const ourCharges = ours.map(chargeOf)
    const ourAnswers = answersOf(ours, local.take(ourCharges), local)
    if (ourAnswers.some(isRefusal)) return ourAnswers
    const receipts = local.receiptsFor(ourCharges)
    const together = (theirAnswers: readonly Answered[]) => {
      if (theirAnswers.some(isRefusal)) local.refund(receipts)
      return [...ourAnswers, ...theirAnswers]
    }
    const withoutStore = (error: unknown) => {
      if (!(error instanceof StoreUnavailable)) throw error
      if (theirs.some(({ rule }) => rule.fields.onStoreDown === 'refuse')) {
        local.refund(receipts)
        throw new GatewayError('WG_LIMIT_UNAVAILABLE', { headers: { 'retry-after': '1' }, cause: error })
      }
      return together(standIn(theirs, limits, error.mayHaveCounted))
    }
    try {
      if (shared === undefined) throw NO_STORE
      const verdicts = shared.take(theirs.map(chargeOf))
      if (!(verdicts instanceof Promise)) return together(answersOf(theirs, verdicts, shared))
      return verdicts.then(known => together(answersOf(theirs, known, shared)), withoutStore)
    } catch (error) {
      return withoutStore(error)
    }
  }

  /**
   * Judges what the store cannot: by counters of this process, or not at all.
   *
   * @param mayBeCounted whether the store may have charged the request all the same
   */
  function standIn(asked: readonly Asked[], limits: CallLimits, mayBeCounted: boolean): readonly Answered[] {
    const counted = asked.filter(({ rule }) => rule.fields.onStoreDown === 'local')
    const passed = asked.filter(({ rule }) => rule.fields.onStoreDown !== 'local')
    const shares = counted.map(each => ({ ...each, charge: shareOf(each, tools.limits.processes) }))
    if (shares.length > 0) limits.isDegraded = true
    const answers = answersOf(shares, local.take(shares.map(chargeOf)), local)
    if (answers.some(isRefusal)) return answers
    // Charges to windows of the calendar are made when the store is back.
    if (!mayBeCounted) shared?.add(passed.filter(({ charge }) => !charge.isTest).map(chargeOf))
    return [...answers, ...passed.map(each => ({ ...each, verdict: undefined, counters: shared }))]
  }

  /** Notes what the enforced rules have said. @throws GatewayError when one refuses */
  function conclude(exchange: Exchange, limits: CallLimits, answers: readonly Answered[]): void {
    for (const answer of answers) {
      const { rule, verdict } = answer
      if (verdict === undefined) continue
      if (limits.left === undefined || verdict.remaining < limits.left) limits.left = verdict.remaining
      if (!rule.isHidden) limits.reports.push(reportOf(answer, verdict))
    }
    if (!answers.some(isRefusal)) {
      noteAwaited(answers, limits)
      return
    }
    const refusals = answers.filter(isRefusal)
    limits.rule = refusals[0]!.rule.label
    limits.awaiting.length = 0
    for (const { rule } of refusals) tools.limited(exchange, rule.label)
    const shown = refusals.filter(({ rule }) => !rule.isHidden).map(({ rule }) => rule.label)
    throw refuse(shown, Math.max(...refusals.map(({ verdict }) => verdict!.retryMs)))
  }

  /** Notes the charges that are made when the answer has a certain status. */
  function noteAwaited(answers: readonly Answered[], limits: CallLimits): void {
    for (const { rule, charge, counters } of answers) {
      if (rule.countStatuses === undefined) continue
      limits.awaiting.push(status => {
        if (rule.countStatuses!.includes(status)) counters?.add([{ ...charge, isTest: false }])
      })
    }
  }

  /** Returns whether a rule that is not enforced would refuse the request. */
  function isRefusedBy(rule: StageRule, exchange: Exchange, limits: CallLimits): boolean | Promise<boolean> {
    const judge = (answers: readonly Answered[]) => {
      if (answers.some(isRefusal)) return true
      noteAwaited(answers, limits)
      return false
    }
    const isGatewayError = (error: unknown) => {
      if (error instanceof GatewayError) return true
      throw error
    }
    try {
      const asked = askFor(rule, exchange)
      const answers = asked === undefined ? [] : take([asked], limits)
      return answers instanceof Promise ? answers.then(judge).catch(isGatewayError) : judge(answers)
    } catch (error) {
      return isGatewayError(error)
    }
  }

  function askObserved(exchange: Exchange, limits: CallLimits): ReturnType<Step> {
    if (observed.length === 0) return undefined
    const note = (outcomes: readonly boolean[]): undefined => {
      const refusing = observed.filter((_, i) => outcomes[i])
      for (const { label } of refusing) tools.wouldLimit(exchange, label)
      if (refusing.length > 0) tools.wouldRefuse(exchange, refusing[0]!.label)
    }
    const outcomes = observed.map(rule => isRefusedBy(rule, exchange, limits))
    return outcomes.some(each => each instanceof Promise)
      ? Promise.all(outcomes).then(note)
      : note(outcomes as readonly boolean[])
  }

  return exchange => {
    exchange.call.limits ??= {
      reports: [],
      rule: undefined,
      left: undefined,
      isDegraded: false,
      awaiting: [],
    }
    const { limits } = exchange.call
    const asked: Asked[] = []
    for (const rule of enforced) {
      const each = askFor(rule, exchange)
      if (each !== undefined) asked.push(each)
    }
    const answers = take(asked, limits)
    if (answers instanceof Promise) {
      return answers.then(known => {
        conclude(exchange, limits, known)
        return askObserved(exchange, limits)
      })
    }
    conclude(exchange, limits, answers)
    return askObserved(exchange, limits)
  }
}

/**
 * Creates the hooks that tell clients of their limits, and make the charges that depend on the status of the answer. What a
 * node says of limits beside the head of its answer could contradict that, and is hidden.
 */
export function createLimitHeaders({
  limits: settings,
}: Pick<LimitTools, 'limits'>): Required<Pick<Policy, 'onResponse' | 'hidesFromClient'>> {
  const onResponse: EditHead = (head, { call }) => {
    const { limits } = call
    if (limits === undefined) return
    if (limits.awaiting.length > 0) {
      // A gRPC call that is refused has the status 200.
      const status = call.errorCode === undefined ? head.status : ERRORS[call.errorCode].status
      for (const settle of limits.awaiting.splice(0)) settle(status)
    }
    const reports = limits.reports.splice(0)
    sortReports(reports)
    addRateHeaders(head.headers, reports, settings.headers)
  }
  return {
    onResponse,
    hidesFromClient: spelling => RATE_HEADER_NAMES[settings.headers].some(name => isNamed(spelling, name)),
  }
}

const NO_STORE = new StoreUnavailable('rateLimits.store is not configured')

/** Returns what a rule is asked about a request; undefined when the rule does not apply to it. */
function askFor(rule: StageRule, exchange: Exchange): Asked | undefined {
  const { label, fields, countStatuses } = rule
  const key = rule.keyOf(exchange)
  if (key === undefined) {
    if (fields.onMissing !== 'refuse') return undefined
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'The request lacks what its rate limit is counted by.',
      cause: new Error(`the request has no key for the rule ${label}`),
    })
  }
  const cost = costOf(fields.cost, exchange.call.method)
  const isTest = countStatuses !== undefined || exchange.isDry
  const counted = rule.countedFor(exchange)
  if (rule.window === undefined) {
    const charge = { rule: counted, key, cost, isTest, windowEndsAt: undefined }
    return { rule, charge, windowMs: counted.windowMicros / 1_000 }
  }
  const { startsAt, endsAt } = rule.window()
  const charge = { rule: counted, key: `${startsAt} ${key}`, cost, isTest, windowEndsAt: endsAt }
  return { rule, charge, windowMs: endsAt - startsAt }
}

function costOf(cost: LimitFields['cost'], method: string): number {
  if (cost === undefined) return 1
  if (typeof cost === 'number') return cost
  return Object.hasOwn(cost.byMethod, method) ? cost.byMethod[method]! : 1
}

/** Returns the part of a charge's limit that this process has while the store is away; it always admits one request. */
function shareOf({ charge }: Asked, processes: number): Charge {
  const { rule, cost } = charge
  const part = (value: number) => Math.max(cost, 1, Math.floor(value / processes))
  const id = `${rule.id} of this process`
  return { ...charge, rule: { ...rule, id, limit: part(rule.limit), burst: part(rule.burst) } }
}

function reportOf({ rule, charge, windowMs }: Asked, verdict: Verdict): RuleReport {
  return { name: rule.label, limit: charge.rule.limit, windowSeconds: windowMs / 1_000, verdict }
}

function isShared({ rule }: Asked): boolean {
  return rule.fields.store === 'shared'
}

function chargeOf({ charge }: Asked): Charge {
  return charge
}

function answersOf(
  asked: readonly Asked[],
  verdicts: readonly Verdict[],
  counters: Answered['counters'],
): readonly Answered[] {
  return asked.map(({ rule, charge, windowMs }, i) => ({
    rule,
    charge,
    windowMs,
    verdict: verdicts[i],
    counters,
  }))
}

function isRefusal({ verdict }: Answered): boolean {
  return verdict?.allowed === false
}
