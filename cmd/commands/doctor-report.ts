import { styleText } from 'node:util'
import type { DoctorFinding as Finding, Level } from '../../discovery/etcd/doctor/finding.ts'

const COLORS: Readonly<Record<Level, 'green' | 'yellow' | 'red' | 'gray'>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
  skipped: 'gray',
}

const WIDTH = Math.max(...Object.keys(COLORS).map(level => level.length))
const INDENT = ' '.repeat(WIDTH + 2)

/**
 * Formats findings for people: a line each with details and advice below it, and a summary at the end.
 *
 * @param colors whether the levels have colors
 */
export function formatFindings(
  findings: readonly Finding[],
  { colors }: { readonly colors: boolean },
): string {
  const lines = findings.flatMap(({ level, message, hint, details }) => {
    const word = level.padEnd(WIDTH)
    const shown = colors ? styleText(COLORS[level], word, { validateStream: false }) : word
    const items = (details?.items ?? []).map(item => `${INDENT}- ${escaped(item)}`)
    if (details?.more !== undefined) items.push(`${INDENT}and ${details.more} more`)
    const advice = hint === undefined ? [] : [`${INDENT}→ ${escaped(hint)}`]
    return [`${shown}  ${escaped(message)}`, ...items, ...advice]
  })
  return [...lines, '', summary(findings)].join('\n')
}

function summary(findings: readonly Finding[]): string {
  const counted = (['problem', 'warning'] as const).flatMap(level => {
    const number = findings.filter(finding => finding.level === level).length
    return number === 0 ? [] : `${number} ${level}${number === 1 ? '' : 's'}`
  })
  return counted.length === 0 ? 'No problems found.' : `${counted.join(', ')}.`
}

/** Escapes control characters: values in etcd were written by others and must not control the terminal. */
function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    character => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}
