import { ANY_TOKEN } from '../../../config/route/route-auth.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'
import { type ExamineOptions, examine } from '../../../discovery/etcd/doctor/examine.ts'
import type { Check, DoctorFinding, Level } from '../../../discovery/etcd/doctor/finding.ts'
import { JSON_OPTIONS } from '../../support/json-options.ts'

export const DEFAULTS: Omit<ExamineOptions, 'endpoints'> = {
  sources: [{ prefix: '/services/' }],
  servicesPrefix: '/services/',
  routesPrefix: '/waygate/routes/',
  parseRoute: (id, document) =>
    parseRouteDocument(id, document, {
      origin: 'etcd',
      defaults: {
        timeoutMs: 1_000,
        retries: null,
        tryTimeoutMs: null,
        retryOn: [502, 503, 504],
        retryBufferBytes: 65_536,
        balancer: 'weighted-round-robin',
        slowStartMs: 0,
        rewriteLocation: true,
      },
      grpc: { maxTimeoutMs: null, retryOn: ['UNAVAILABLE'], json: JSON_OPTIONS },
      defaultAuth: ANY_TOKEN,
    }),
  fileRoutes: [],
  writeCheck: false,
  // An overloaded machine is no failure here.
  patienceMs: 60_000,
}

/** What was found, and ways to ask for it. */
export class Examination {
  readonly findings: readonly DoctorFinding[]

  constructor(findings: readonly DoctorFinding[]) {
    this.findings = findings
  }

  static async of(url: string, options: Partial<ExamineOptions> = {}): Promise<Examination> {
    return new Examination(await examine({ ...DEFAULTS, endpoints: url.split(','), ...options }))
  }

  /** Checks with a finding of this level; each once. */
  at(level: Level): readonly Check[] {
    return [...new Set(this.findings.filter(each => each.level === level).map(({ check }) => check))]
  }

  /** The finding of this level whose message matches; fails when there is none, or several. */
  one(level: Level, message: RegExp): DoctorFinding {
    const found = this.findings.filter(each => each.level === level && message.test(each.message))
    if (found.length === 1) return found[0]!
    throw new Error(`${found.length} findings are ${level} and match ${message}: ${this}`)
  }

  /** The items of that finding. */
  items(level: Level, message: RegExp): readonly string[] {
    return this.one(level, message).details?.items ?? []
  }

  toString(): string {
    return JSON.stringify(this.findings, null, 2)
  }
}
