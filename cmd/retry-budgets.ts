import type { Logger } from '../discovery/logger.ts'
import { RetryBudgets } from '../wrappers/retry/retry-budget.ts'

/** The retry budgets of all services; that one is exhausted, and that it no longer is, is logged. */
export function createRetryBudgets(logger: Logger): RetryBudgets {
  return new RetryBudgets((service, isExhausted) => {
    const retryBudget = isExhausted ? 'exhausted' : 'available'
    const reason = isExhausted ? 'too many retries bring nothing better' : 'none was refused for a while'
    logger.info({ service, retryBudget, reason }, 'retry budget changed')
  })
}
