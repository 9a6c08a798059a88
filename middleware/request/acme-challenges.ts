import { constants, open } from 'node:fs/promises'
import type { Step } from '../../internal/policy.ts'
import { acmeTokenOf, MAX_ANSWER_BYTES } from '../../internal/tls/acme-challenge.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'

export interface AcmeChallengesOptions {
  /** The folder whose files are answers, named after their tokens; undefined = there is none. */
  readonly folder: string | undefined
  /** Returns the answer for a token from elsewhere; undefined when there is none. */
  readonly answerTo: (token: string) => string | undefined
  /** Called when a file cannot be used. There are few reasons, such as `EACCES`. */
  readonly onProblem: (file: string, reason: string) => void
}

// A link could lead out of the folder, and a pipe would hold up a thread until somebody writes to it.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Creates the step that answers the challenges of ACME authorities (HTTP-01, RFC 8555 section 8.3). A request for a token
 * that is not known goes on: a node may get certificates of its own.
 */
export function createAcmeChallenges({ folder, answerTo, onProblem }: AcmeChallengesOptions): Step {
  return ({ call, dialect, isWebSocket }) => {
    const { method, target } = call
    const token = acmeTokenOf(target)
    if (token === undefined || (method !== 'GET' && method !== 'HEAD')) return undefined
    if (isWebSocket || dialect !== undefined) return undefined
    const answer = answerTo(token)
    if (answer !== undefined) return respond(Buffer.from(answer))
    return folder === undefined ? undefined : fromFile(`${folder}/${token}`)
  }

  async function fromFile(path: string): Promise<ReturnType<typeof respond> | undefined> {
    try {
      const body = await readAnswer(path)
      return body && respond(body)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      onProblem(path, code ?? message)
      return undefined
    }
  }
}

function respond(body: Buffer) {
  const headers = ['content-type', 'application/octet-stream', 'cache-control', 'no-store']
  return createWholeResponse(200, headers, body)
}

/** Returns undefined when there is no such file. @throws Error when it is not a file that holds an answer */
async function readAnswer(path: string): Promise<Buffer | undefined> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    file = await open(path, FLAGS)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A token may be longer than a file system allows.
    if (code === 'ENOENT' || code === 'ENAMETOOLONG') return undefined
    throw code === 'ELOOP' ? new Error('it is a link, which is not followed') : error
  }
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file')
    // One byte more than an answer may have tells one that is too long, also if it grows meanwhile.
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_ANSWER_BYTES + 1))
    if (bytesRead > MAX_ANSWER_BYTES) throw new Error(`it has more than ${MAX_ANSWER_BYTES} bytes`)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
