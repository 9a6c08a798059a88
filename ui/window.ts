import { useEffect, useState } from './html.ts'

/** Up to so many rows are all in the document. */
const ALL_ROWS = 200
/** Rows outside of the window that are in the document, so that keys and scrolling find them. */
const BESIDE = 12
/** The window moves by so many rows, so that most scroll events change nothing. */
const STEP = 10

/** Which rows of a long table are in the document, and how high those above and below them would be, in pixels. */
export interface RowWindow {
  readonly first: number
  readonly end: number
  readonly above: number
  readonly below: number
}

/** Finds the rows of a table that can be seen. All rows are as high as the first one that is shown. */
export function useWindow(count: number, body: { readonly current: HTMLElement | null }): RowWindow {
  const [{ first, end, height }, setSeen] = useState({ first: 0, end: 60, height: 30 })
  const isLong = count > ALL_ROWS
  useEffect(() => {
    if (!isLong) return undefined
    const look = () => {
      const row = body.current?.querySelector('tr:not(.gap)')
      if (!body.current || !row) return
      const height = row.getBoundingClientRect().height
      const { top } = body.current.getBoundingClientRect()
      const from = Math.floor((Math.floor(-top / height) - BESIDE) / STEP) * STEP
      const to = Math.ceil((Math.ceil((innerHeight - top) / height) + BESIDE) / STEP) * STEP
      const seen = {
        first: Math.max(0, Math.min(from, count - 1)),
        end: Math.max(1, Math.min(to, count)),
        height,
      }
      setSeen(before =>
        before.first === seen.first && before.end === seen.end && before.height === height ? before : seen,
      )
    }
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [isLong, count])
  if (!isLong) return { first: 0, end: count, above: 0, below: 0 }
  const last = Math.min(end, count)
  const start = Math.min(first, Math.max(0, last - 1))
  return { first: start, end: last, above: start * height, below: (count - last) * height }
}
