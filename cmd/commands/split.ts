import { didYouMean } from '../../config/kit/closest.ts'
import { toReason } from '../../config/kit/problem.ts'
import { membersOf } from '../../config/kit/values.ts'
import { readRouteDocument } from '../../config/route/read-route-document.ts'
import { parseObject } from '../../discovery/codecs/value.ts'
import { changeStored } from '../../discovery/etcd/stored-values.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { SplitCommand } from '../cli/command.ts'
import { UsageError } from '../cli/format-error.ts'
import { etcdClientOptions } from '../gateway/registry.ts'

/** Runs `waygate split`. Resolves with the exit code, 1 when nothing was written. */
export async function runSplit(command: SplitCommand): Promise<0 | 1> {
  const { route, variant, percent } = command
  const { config, keys } = loadCommandConfig(command)
  const { registry, routesPrefix } = config.discovery
  if (registry !== 'etcd') {
    throw new UsageError(`documents are not in etcd here, but in the registry ${registry}`, 'split')
  }
  const key = `${routesPrefix}${route}`
  let before = 0
  let after = ''
  try {
    const result = await changeStored(etcdClientOptions(config, keys), routesPrefix, route, text => {
      const changed = withPercent(text, variant, percent)
      before = changed.before
      after = changed.text
      return after
    })
    if (result === 'overtaken') throw new Refusal('was changed by somebody else meanwhile; try again')
    if (result === 'missing') {
      throw new Refusal('does not exist; a document in the configuration file is changed there')
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    console.error(`${key} ${error.message}; nothing was written`)
    return 1
  }
  const stable = stableOf(after)
  const [was, is] = [stable + percent - before, stable].map(round)
  console.log(`${key}: ${variant} ${before}% -> ${percent}%, stable ${was}% -> ${is}%`)
  return 0
}

/** Why a document is not changed, to be read behind its key. */
class Refusal extends Error {}

/**
 * Changes the percent of one variant in a document.
 *
 * @throws Refusal when there is no such variant, or when gateways could not use the document
 */
function withPercent(text: string, variant: string, percent: number): { text: string; before: number } {
  const document = parse(text)
  const { variants } = membersOf(document.split)
  const all: readonly unknown[] = Array.isArray(variants) ? variants : []
  const found = all.findIndex(each => membersOf(each).name === variant)
  if (found === -1) {
    const names = all.map(each => String(membersOf(each).name))
    throw new Refusal(`has no variant ${JSON.stringify(variant)}${didYouMean(variant, names)}`)
  }
  const { percent: before = 0 } = membersOf(all[found])
  const changed = {
    ...document,
    split: { ...membersOf(document.split), variants: all.with(found, { ...membersOf(all[found]), percent }) },
  }
  const { problems } = readRouteDocument(changed)
  if (problems.length > 0) throw new Refusal(`could not be used: ${toReason(problems)}`)
  // What was written for people stays readable.
  const indent = text.includes('\n') ? 2 : 0
  return { text: JSON.stringify(changed, null, indent), before: Number(before) }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return parseObject(text)
  } catch (error) {
    throw new Refusal(`cannot be read: ${(error as Error).message}`)
  }
}

/** Returns the percent that no variant has. */
function stableOf(text: string): number {
  const { variants } = membersOf(parse(text).split)
  const percents = (variants as readonly unknown[]).map(each => Number(membersOf(each).percent ?? 0))
  return percents.reduce((rest, percent) => rest - percent, 100)
}

function round(percent: number): number {
  return Math.round(percent * 100) / 100
}
