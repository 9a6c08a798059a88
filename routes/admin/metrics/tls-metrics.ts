import type { CertificateView } from '../views.ts'
import { byLabel, type LiveMetrics } from './live-metric.ts'

/** The TLS of clients, as metrics show it. */
export interface TlsView {
  readonly counts: {
    /** Handshakes that were completed. */
    readonly full: number
    /** Those of them that resumed a session. */
    readonly resumed: number
    /** Those that failed, by the reason. */
    readonly failed: Readonly<Record<string, number>>
  }
  readonly certificates: { views(): readonly CertificateView[] }
}

export function addTlsMetrics(live: LiveMetrics, { counts, certificates }: TlsView): void {
  live.counter('waygate_tls_handshakes_total', 'TLS handshakes of clients that were completed.', () => [
    { labels: { resumed: 'false' }, value: counts.full },
    { labels: { resumed: 'true' }, value: counts.resumed },
  ])
  live.counter(
    'waygate_tls_handshake_failures_total',
    'TLS handshakes of clients that failed, by the reason.',
    () => byLabel('reason', Object.entries(counts.failed)),
  )
  live.gauge(
    'waygate_certificate_expiry_seconds',
    'Seconds until the certificate with this name expires, of several the first one; negative once it has.',
    'min',
    () =>
      Array.from(firstEnds(certificates.views()), ([name, validUntil]) => ({
        labels: { name },
        value: Math.round((validUntil - Date.now()) / 1_000),
      })),
  )
}

/** Returns when the first certificate of each name expires. */
function firstEnds(views: readonly CertificateView[]): Map<string, number> {
  const ends = new Map<string, number>()
  for (const { name, validUntil } of views) ends.set(name, Math.min(validUntil, ends.get(name) ?? Infinity))
  return ends
}
