import { type Finding, show } from '../kit/problem.ts'
import type { Config } from '../schema.ts'

/** Finds what is wrong with the address of the collector. */
export function* findTracingProblems({ endpoint }: Config['tracing']): Generator<Finding> {
  if (endpoint === undefined) return
  const path = ['tracing', 'endpoint']
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:\/\//i.test(endpoint)) {
    yield { path, message: `must be an address such as http://localhost:4318, not ${show(endpoint)}` }
  } else if (url.username !== '' || url.password !== '') {
    yield {
      path,
      message: 'must have no user and password: set `headers`, as in {"authorization": "Basic ..."}',
    }
  } else if (url.hash !== '') {
    yield { path, message: 'must have no #' }
  }
}
