import { compileClaimPath } from '../../internal/claim-path.ts'
import { type Finding, type Path, show } from './problem.ts'

/** What is wrong with the place of a claim that is named at `at` in a document. */
export function* claimPathProblem(path: string, at: Path): Generator<Finding> {
  try {
    compileClaimPath(path)
  } catch (error) {
    yield { path: at, message: `${(error as Error).message}, not ${show(path)}` }
  }
}
