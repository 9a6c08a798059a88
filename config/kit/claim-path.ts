import { compileClaimPath } from '../../internal/claim-path.ts'
import { type Finding, type Path, show } from './problem.ts'

/** Checks the path of a claim that is set at `at`. */
export function* claimPathProblem(path: string, at: Path): Generator<Finding> {
  try {
    compileClaimPath(path)
  } catch (error) {
    yield { path: at, message: `${(error as Error).message}, not ${show(path)}` }
  }
}
