const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 }

/** Seconds of `90s`, `30m`, `1h`, `7d` or plain seconds; undefined when it is none of these, or nothing. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,10})([smhd]?)$/.exec(text)
  const seconds = Number(match?.[1]) * (SECONDS[match?.[2] ?? ''] ?? Number.NaN)
  // 100 years: beyond, it is a slip, and dates lose their meaning.
  return seconds > 0 && seconds <= 3_155_760_000 ? seconds : undefined
}
