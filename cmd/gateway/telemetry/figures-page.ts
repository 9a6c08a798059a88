import { Slices } from '../../../discovery/slices.ts'
import type { TrafficHistory } from '../../../internal/telemetry/traffic-history.ts'
import type { FiguresPage, Sample } from '../../../routes/admin/api-types.ts'
import { STEP_MS } from './telemetry.ts'

type Samples = Readonly<Record<string, readonly Sample[]>>

/**
 * Collects the samples of all routes and services, of which there may be 240,000. Other work has its turn between them, so those
 * of two routes may end at different times.
 */
export async function figuresPage(
  history: Pick<TrafficHistory, 'total' | 'routes' | 'services' | 'samplesOf'>,
): Promise<FiguresPage> {
  const slices = new Slices()
  async function collect(byName: TrafficHistory['routes']): Promise<Samples> {
    const entries: [string, readonly Sample[]][] = []
    function* steps() {
      for (const [name, series] of [...byName]) {
        entries.push([name, history.samplesOf(series)])
        yield
      }
    }
    await slices.run(steps())
    return Object.fromEntries(entries)
  }
  return {
    stepMs: STEP_MS,
    total: history.samplesOf(history.total),
    routes: await collect(history.routes),
    services: await collect(history.services),
  }
}
