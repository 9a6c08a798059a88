import type { Case } from './compare.ts'

/** Removes bytes and cuts from a case as long as `isStill` says that the smaller case shows the same problem. */
export function minimise(found: Case, isStill: (smaller: Case) => boolean): Case {
  let smallest = found
  const accept = (smaller: Case): boolean => {
    if (!isStill(smaller)) return false
    smallest = smaller
    return true
  }
  accept({ ...smallest, cuts: [] })
  for (
    let size = Math.ceil(smallest.bytes.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < smallest.bytes.length; ) {
      if (!accept(withoutBytes(smallest, at, size))) at += size
    }
  }
  for (const cut of smallest.cuts) accept({ ...smallest, cuts: smallest.cuts.filter(each => each !== cut) })
  return smallest
}

function withoutBytes({ bytes, cuts, ...rest }: Case, at: number, size: number): Case {
  const removed = Math.min(size, bytes.length - at)
  return {
    ...rest,
    bytes: bytes.slice(0, at) + bytes.slice(at + removed),
    cuts: cuts.map(cut => (cut <= at ? cut : Math.max(at, cut - removed))),
  }
}
