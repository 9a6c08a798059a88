import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** What a path answers: a page as JSON, or whatever a function makes of the request. */
export type FakeAnswer = object | ((request: IncomingMessage, response: ServerResponse) => void)

export interface FakeAdmin {
  readonly url: string
  /** The targets of the requests so far. */
  readonly asked: readonly string[]
}

/**
 * Starts an admin listener that answers as the test says, for what a gateway of this version never answers. Unknown paths
 * are 404 as those of a gateway without `/api/v1` were. Closed after the test.
 *
 * @param answers by the path without the query
 * @param port 0 = any free one
 */
export async function startFakeAdmin(
  t: Pick<TestContext, 'after'>,
  answers: Readonly<Record<string, FakeAnswer>>,
  port = 0,
): Promise<FakeAdmin> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const target = request.url ?? ''
    asked.push(target)
    const answer = answers[target.replace(/\?.*/s, '')]
    if (answer === undefined) refuse(response, { type: 'about:blank', title: 'Not found', status: 404 })
    else if (typeof answer === 'function') answer(request, response)
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Answers with a problem document. */
export function refuse(
  response: ServerResponse,
  problem: { readonly status: number; readonly [member: string]: unknown },
) {
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify(problem))
}
