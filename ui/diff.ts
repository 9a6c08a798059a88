/** A line of a comparison: in both texts, only in the old one, or only in the new one. */
export interface DiffLine {
  readonly kind: 'same' | 'old' | 'new'
  readonly text: string
}

/** Lines that are shown before and after each difference. */
const AROUND = 3

/** So many pairs of lines are compared. In longer texts, all that is between what they begin and end with counts as different. */
const MAX_PAIRS = 1_000_000

/** Compares two texts line by line. Texts that are JSON are compared as they would be written by hand, whatever their spacing. */
export function diffLines(before: string | null, after: string | null): DiffLine[] {
  const a = before === null ? [] : readable(before).split('\n')
  const b = after === null ? [] : readable(after).split('\n')
  const shorter = Math.min(a.length, b.length)
  let begin = 0
  while (begin < shorter && isSame(a[begin]!, b[begin]!)) begin++
  let end = 0
  while (end < shorter - begin && isSame(a.at(-1 - end)!, b.at(-1 - end)!)) end++
  const middle = (lines: readonly string[]) => lines.slice(begin, lines.length - end)
  return [
    ...b.slice(0, begin).map(text => ({ kind: 'same', text }) as const),
    ...diffMiddle(middle(a), middle(b)),
    ...b.slice(b.length - end).map(text => ({ kind: 'same', text }) as const),
  ]
}

/** Compares what is left of two texts without the lines that both begin and end with. */
function diffMiddle(a: readonly string[], b: readonly string[]): DiffLine[] {
  if (a.length * b.length > MAX_PAIRS) {
    return [
      ...a.map(text => ({ kind: 'old', text }) as const),
      ...b.map(text => ({ kind: 'new', text }) as const),
    ]
  }
  // The length of the longest common subsequence of what is left of both, from each pair of places.
  const width = b.length + 1
  const common = new Uint16Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = isSame(a[i]!, b[j]!)
        ? common[(i + 1) * width + j + 1]! + 1
        : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!)
    }
  }
  const lines: DiffLine[] = []
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && isSame(a[i]!, b[j]!)) {
      lines.push({ kind: 'same', text: b[j++]! })
      i++
    } else if (
      j >= b.length ||
      (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    ) {
      lines.push({ kind: 'old', text: a[i++]! })
    } else {
      lines.push({ kind: 'new', text: b[j++]! })
    }
  }
  return lines
}

/** Compares lines, but for the comma that the last member of an object gets when another one follows. */
function isSame(a: string, b: string): boolean {
  return a === b || a.replace(/,$/, '') === b.replace(/,$/, '')
}

/** Leaves out lines that are far from every difference; null stands for those that are left out together. */
export function shortened(lines: readonly DiffLine[]): (DiffLine | null)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some(({ kind }) => kind !== 'same'),
  )
  return lines.flatMap((line, index) => (near[index] ? [line] : near[index - 1] || index === 0 ? [null] : []))
}

/** Writes JSON with a line for each value; other texts stay as they are. */
export function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
