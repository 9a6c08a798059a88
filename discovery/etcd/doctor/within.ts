/** Something was not done in its time. */
export class NotInTimeError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms / 1_000} s`)
  }
}

/**
 * What `work` gives, or a {@link NotInTimeError} when that takes longer than `ms`. What the work does after
 * that is nobody's business any more, a failure too.
 */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NotInTimeError(ms)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
