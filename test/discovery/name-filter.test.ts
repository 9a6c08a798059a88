import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NameFilter } from '../../discovery/name-filter.ts'
import { decodeRemembered, encodeRemembered } from '../../discovery/remembered.ts'
import { RouteIndex } from '../../discovery/route-index.ts'

const names = (count: number, prefix = 'preview') =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i.toString(36)}`)

test('a filter loses no name, and takes few others for members', () => {
  const filter = new NameFilter()
  for (const name of names(10_000)) filter.add(name)
  const copy = new NameFilter([filter.text])
  assert.ok(names(10_000).every(name => filter.has(name) && copy.has(name)))
  const others = names(100_000, 'other').filter(name => filter.has(name))
  assert.ok(others.length <= 5, others.join())
  for (const name of names(90_000, 'more')) filter.add(name)
  const share = names(10_000, 'other').filter(name => filter.has(name)).length / 10_000
  assert.ok(share < 0.02, `${share}`)
})

test('filters are put together, and what is none is refused', () => {
  const [a, b] = [new NameFilter(), new NameFilter()]
  a.add('a')
  b.add('b')
  const both = new NameFilter([a.text, b.text])
  assert.deepEqual(
    ['a', 'b', 'c'].map(name => both.has(name)),
    [true, true, false],
  )
  assert.throws(() => new NameFilter(['AAAA']), TypeError)
})

test('a service that had a document is never forgotten, however many come after it', () => {
  const index = new RouteIndex()
  const isKnown = (each: RouteIndex, service: string) =>
    each.former.includes(service) || each.isUnlisted(service)
  const services = names(10_050)
  index.recall(services)
  const before = index.documentedChanges
  index.gather([])
  assert.equal(index.former.length, 10_000)
  assert.ok(index.documentedChanges > before, 'it is to be written')
  assert.ok(services.every(service => isKnown(index, service)))
  assert.equal(isKnown(index, 'other'), false)

  const remembered = { lastGood: [], documented: index.documented, unlisted: index.unlisted }
  const { documented, unlisted } = decodeRemembered(JSON.parse(JSON.stringify(encodeRemembered(remembered))))
  const next = new RouteIndex()
  next.recall(documented, [unlisted!])
  next.gather([])
  assert.ok(services.every(service => isKnown(next, service)))
  assert.equal(isKnown(next, 'other'), false)
  next.forget()
  next.gather([])
  assert.equal(isKnown(next, services[0]!), false)
})
