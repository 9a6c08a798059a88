import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinParts, partsOf } from '../../../cmd/workers/page-parts.ts'
import type { RouteList, ServicesPage } from '../../../routes/admin/page-types.ts'

const items = (count: number, of = 'n') => Array.from({ length: count }, (_, i) => ({ id: `${of}${i}` }))
const serviceOf = (name: string, nodes: number) => ({ name, panicking: false, nodes: items(nodes, name) })

for (const sizes of [
  [],
  [0],
  [0, 0, 1],
  [1_200],
  [499, 1, 500, 2],
  [498, 499, 500, 501],
  Array(700).fill(0),
]) {
  test(`a page with services of ${sizes.slice(0, 4)} nodes (${sizes.length}) is the same after its parts were put together`, () => {
    const services = sizes.map((size, i) => serviceOf(`s${i}`, size))
    const page = {
      ...{ revision: '7', source: { registry: 'etcd' }, defaultAuth: 'jwt' },
      ...{ routes: items(130, 'r'), problems: items(501, 'p') },
      services,
    } as unknown as RouteList
    const parts = [...partsOf(page)].map(part => JSON.parse(JSON.stringify(part)) as object)
    for (const part of parts) assert.ok(countIn(part) <= 501)
    assert.deepEqual(joinParts(parts), page)
    const { services: joined } = joinParts<ServicesPage>([
      ...partsOf({ services } as unknown as ServicesPage),
    ])
    assert.deepEqual(joined, services)
  })
}

function countIn(value: object): number {
  const { services = [], routes = [], problems = [] } = value as RouteList
  return services.reduce((sum, { nodes }) => sum + nodes.length, 0) + routes.length + problems.length
}
