/** A window of the calendar, in UTC. */
export type CalendarUnit = 'hour' | 'day' | 'month'

/** A window of time, milliseconds since 1970. Its end is the beginning of the next one. */
export interface TimeWindow {
  readonly startsAt: number
  readonly endsAt: number
}

const HOUR_MS = 3_600_000

/** Returns the window of the calendar that a time is in. */
export function calendarWindow(unit: CalendarUnit, nowMs: number): TimeWindow {
  if (unit === 'month') {
    const now = new Date(nowMs)
    const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
    return { startsAt: Date.UTC(year, month), endsAt: Date.UTC(year, month + 1) }
  }
  const length = unit === 'hour' ? HOUR_MS : 24 * HOUR_MS
  const startsAt = Math.floor(nowMs / length) * length
  return { startsAt, endsAt: startsAt + length }
}
