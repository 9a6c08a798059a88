import { createHook } from 'node:async_hooks'

/** The first version of Node.js that can hook ticks and leave promises alone, which would be slower ever after. */
const NEEDED_MAJOR = 26

/** What `process.nextTick` made of one call, kept for its hidden class alone. */
let kept: object | undefined

/**
 * Keeps `process.nextTick` fast. Does nothing on Node.js before 26. Call it before the first large collection of garbage.
 *
 * Each tick is an object whose keys are symbols. The code that makes it remembers the hidden class of the object, but does not
 * keep it alive. A collection at a moment without ticks, as when the process is idle, removes the class. V8 takes the next one
 * for another kind of object, and from then on defines each key in C++, for as long as the process lives: 0.4 µs for each tick in
 * place of 0.06, and a request has several. One object of the class prevents it.
 */
export function keepTickShape(): void {
  if (kept !== undefined || Number.parseInt(process.versions.node, 10) < NEEDED_MAJOR) return
  const hook = createHook({
    trackPromises: false,
    init(_id, type, _trigger, resource) {
      if (type === 'TickObject') kept = resource
    },
  }).enable()
  process.nextTick(() => {})
  hook.disable()
}
