import { Choice } from './choice.ts'
import { type Case, type Comparison, compare } from './compare.ts'
import { type MadeAnswer, makeAnswer } from './make-answer.ts'
import { minimise } from './minimise.ts'
import { mutate } from './mutate.ts'
import { LlhttpReader } from './read-llhttp.ts'
import { OurReader } from './read-ours.ts'

export interface Divergence extends Comparison {
  /** The smallest case that still diverges. */
  readonly minimal: Case
}

export interface FuzzResult {
  /** Answers read. */
  count: number
  /** Answers that the grammar made and nothing mutated. */
  valid: number
  wholeForBoth: number
  partialForBoth: number
  /** Refused by us, and refused or not yet whole for llhttp. */
  refusedByBoth: number
  /** Refused by us and whole for llhttp: how often, by reason. */
  readonly refusedByUs: Map<string, number>
  /** One for each kind of divergence. */
  readonly divergences: Map<string, Divergence>
}

/**
 * Makes valid and mutated answers, reads each with our reader and with llhttp, and compares.
 *
 * @param isOver is called before each answer with the number of answers read
 */
export function fuzz(seed: number, isOver: (count: number) => boolean): FuzzResult {
  const choice = new Choice(seed)
  const ourReader = new OurReader()
  const llhttpReader = new LlhttpReader()
  const result: FuzzResult = {
    count: 0,
    valid: 0,
    wholeForBoth: 0,
    partialForBoth: 0,
    refusedByBoth: 0,
    refusedByUs: new Map(),
    divergences: new Map(),
  }
  let before: MadeAnswer = makeAnswer(choice)
  while (!isOver(result.count)) {
    const made = makeAnswer(choice)
    const each = caseOf(choice, made, before)
    before = made
    const comparison = compare(each, ourReader, llhttpReader)
    count(result, each, comparison)
    const { divergence } = comparison
    if (divergence === undefined || result.divergences.has(divergence)) continue
    const minimal = minimise(
      each,
      smaller => compare(smaller, new OurReader(), llhttpReader).divergence === divergence,
    )
    result.divergences.set(divergence, { ...compare(minimal, new OurReader(), llhttpReader), minimal })
  }
  return result
}

function caseOf(choice: Choice, made: MadeAnswer, other: MadeAnswer): Case {
  const isValid = choice.chance(0.2)
  const bytes = isValid ? made.bytes : mutate(choice, made.bytes, other.bytes)
  return { method: made.method, bytes, cuts: cutsOf(choice, bytes.length), isValid }
}

function cutsOf(choice: Choice, length: number): number[] {
  if (length < 400 && choice.chance(0.05)) return Array.from({ length }, (_, i) => i)
  return choice.some(0, 5, () => choice.below(length + 1)).sort((a, b) => a - b)
}

function count(result: FuzzResult, { isValid }: Case, { ours, llhttps }: Comparison): void {
  result.count++
  if (isValid) result.valid++
  if (ours.outcome === 'refused') {
    if (llhttps.outcome !== 'whole') result.refusedByBoth++
    else result.refusedByUs.set(ours.reason, (result.refusedByUs.get(ours.reason) ?? 0) + 1)
  } else if (ours.outcome === 'whole') result.wholeForBoth++
  else result.partialForBoth++
}
