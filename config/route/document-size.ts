import type { Finding } from '../kit/problem.ts'

/** Every gateway reads every document, and etcd sends a changed one as a whole. */
const MAX_KIB = 256

/** Finds out whether a route document or a policy set is too large, as compact JSON. Accepts any value. */
export function* findSizeProblems(document: unknown): Generator<Finding> {
  const bytes = Buffer.byteLength(jsonOf(document))
  if (bytes <= MAX_KIB * 1_024) return
  const message = `must not have more than ${MAX_KIB} KiB, but has ${Math.ceil(bytes / 1_024)}: split it up, or move fields into policy sets`
  yield { path: [], message }
}

/** What cannot be written as JSON is refused for other reasons. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}
