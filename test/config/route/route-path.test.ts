import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routePathProblem, stripPrefixProblem } from '../../../config/route/route-path.ts'

const good = [
  '/',
  '/*',
  '/a',
  '/a/b/c',
  '/a/*',
  '/:id',
  '/users/:id/tasks/:task_id',
  '/users/:id/*',
  '/v1.2/~x/a-b_c',
  "/a!$&'()+,;=@b",
  '/caf%C3%A9',
  '/a%20b',
]

for (const path of good) {
  test(`${path} is a path`, () => assert.equal(routePathProblem(path), undefined))
}

const bad: [path: string, reason: RegExp][] = [
  ['a', /must start with "\/"/],
  ['*', /must start with "\/"/],
  ['/a/', /must not end with "\/": write "\/a", or "\/a\/\*"/],
  ['//', /must not end with/],
  ['//a', /empty segment/],
  ['/a//b', /empty segment/],
  ['/a/./b', /the segment "\."/],
  ['/a/..', /the segment "\.\."/],
  ['/a*', /only as the whole last segment/],
  ['/*/a', /only as the whole last segment/],
  ['/a/**', /only as the whole last segment/],
  ['/a/:', /malformed parameter ":"/],
  ['/a/:1', /malformed parameter/],
  ['/a/:id(\\d+)', /malformed parameter/],
  ['/a/:id-:b', /malformed parameter/],
  ['/a/:id?', /malformed parameter/],
  ['/:id/:id', /must not use ":id" twice/],
  ['/a:b', /may contain ":" only at the start/],
  ['/a?b', /query/],
  ['/a#b', /query/],
  ['/a b', /percent-encoded/],
  ['/a\u0000\n', /percent-encoded in "a\\u0000\\n"$/],
  ['/é', /percent-encoded/],
  ['/a\\b', /percent-encoded/],
  ['/a%', /percent-encoded/],
  ['/a%2', /percent-encoded/],
  ['/a%2fb', /"%2f": servers disagree/],
  ['/a%2Fb', /"%2F": servers disagree/],
  ['/a%5Cb', /"%5C": servers disagree/],
  ['/%2e%2e/a', /"%2e": servers disagree/],
  ['/a%00', /"%00": servers disagree/],
  ['/a%0d%0a', /"%0d": servers disagree/],
  ['/%61dmin', /"%61": servers disagree/],
  ['/a%2Db', /"%2D": servers disagree/],
]

for (const [path, reason] of bad) {
  test(`${JSON.stringify(path)} is no path`, () => assert.match(routePathProblem(path) ?? '', reason))
}

const prefixes: [prefix: string, path: string, reason: RegExp | undefined][] = [
  ['', '/a/*', undefined],
  ['/a', '/a/*', undefined],
  ['/a', '/a', undefined],
  ['/a/b', '/a/b/:id', undefined],
  ['/a', '/ab/*', /whole leading segments/],
  ['/a/b', '/a/*', /whole leading segments/],
  ['/a/x', '/a/:id', /whole leading segments/],
  ['/a/:id', '/a/:id/*', /must be literal/],
  ['/a/*', '/a/*', /must be literal/],
  ['/a/', '/a/*', /must not end with "\/": write "\/a"/],
  ['/', '/a', /must not end with/],
  ['a', '/a', /must start with/],
]

for (const [prefix, path, reason] of prefixes) {
  test(`stripPrefix ${JSON.stringify(prefix)} ${reason ? 'does not go' : 'goes'} with ${path}`, () => {
    const problem = stripPrefixProblem(prefix, path)
    if (reason === undefined) assert.equal(problem, undefined)
    else assert.match(problem ?? '', reason)
  })
}
