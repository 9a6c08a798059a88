import { GatewayError } from '../../internal/http/errors.ts'
import type { ExplainPage, ExplainStep } from '../../routes/admin/explain.ts'

/** What a request would be answered with by the gateway itself. */
export type WouldAnswer = NonNullable<ExplainPage['wouldAnswer']>

/** Ends the steps of a request: it is refused or answered. */
export class Stop extends Error {
  readonly answer: WouldAnswer

  constructor(answer: WouldAnswer) {
    super()
    this.answer = answer
  }
}

/** Notes the steps of a request, one after the other. */
export class ExplainNotes {
  readonly steps: ExplainStep[] = []

  /** Notes a step that nothing has to be done for. */
  add(step: string, text: string, detail?: ExplainStep['detail']): void {
    this.steps.push({ step, ok: true, text, ...(detail !== undefined && { detail }) })
  }

  /**
   * Takes a step, notes what it comes to, and resolves with its result.
   *
   * @param tell puts the result into words; undefined = there is nothing to note
   * @throws Stop when the step refuses the request, which is noted as well
   */
  async take<T>(
    step: string,
    act: () => T | Promise<T>,
    tell: (result: T) => string | undefined,
  ): Promise<T> {
    try {
      const result = await act()
      const text = tell(result)
      if (text !== undefined) this.add(step, text)
      return result
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const { code, status, message, cause } = error
      const reason = cause instanceof Error ? cause.message : message
      this.steps.push({ step, ok: false, text: `${status} ${code}: ${reason}` })
      throw new Stop({ status, code })
    }
  }
}
