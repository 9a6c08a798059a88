import type { MetricHead, MetricValue } from './metric-values.ts'

/** How the metrics page is written. */
export interface PageFormat {
  readonly contentType: string
  /** Stands between two metrics. */
  readonly separator: string
  /** Stands after the last one. */
  readonly end: string
  /** Returns the lines that a metric begins with. */
  head(metric: MetricHead): string
  /**
   * Returns the line of a series.
   *
   * @param labels all but `le`, as `labelsText` has them
   */
  line(name: string, labels: string, sample: MetricValue): string
}
