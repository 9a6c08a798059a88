import { parseFilter } from '../internal/telemetry/filter.ts'

/** Returns the filter of the tail in the parameters of a place. One that cannot be read lets everything through. */
export function readFilter(params: URLSearchParams): {
  readonly filter: string
  readonly error: string | undefined
} {
  const filter = params.get('filter') ?? ''
  try {
    parseFilter(filter)
    return { filter, error: undefined }
  } catch (error) {
    return { filter: '', error: (error as Error).message }
  }
}
