import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { etcdAvailable, requireEtcd, startEtcd, type TestEtcd } from '../../support/etcd.ts'
import { setUpUsers } from '../../support/etcd-json.ts'
import { Examination } from './examination.ts'

const PASSWORD = 'correct-horse-battery'

describe('of an etcd with users', { concurrency: true }, () => {
  let etcd: TestEtcd
  before(async () => {
    if (!etcdAvailable) return
    etcd = await startEtcd({ args: ['--bcrypt-cost', '4'] })
    await setUpUsers(etcd.url, {
      rootPassword: PASSWORD,
      roles: {
        reader: [
          ['read', '/services/'],
          ['read', '/waygate/routes/'],
        ],
        writer: [
          ['readwrite', '/services/'],
          ['readwrite', '/waygate/routes/'],
        ],
        half: [['read', '/services/']],
      },
      users: {
        reader: [PASSWORD, 'reader'],
        writer: [PASSWORD, 'writer'],
        half: [PASSWORD, 'half'],
      },
    })
  })
  after(() => etcd?.stop())

  test('without one, it says that one is needed, and looks no further', async t => {
    if (!requireEtcd(t)) return
    const found = await Examination.of(etcd.url)
    assert.match(found.one('problem', /requires a user, and none is/).hint ?? '', /WAYGATE_ETCD_USER/)
    assert.deepEqual(found.at('problem'), ['authentication'])
    assert.deepEqual(found.at('skipped'), ['nodes'])
    assert.ok(found.at('ok').includes('connection'))
  })

  test('a wrong password is told from a missing one, and never shown', async t => {
    if (!requireEtcd(t)) return
    const found = await Examination.of(etcd.url, { user: 'reader', password: 'my-own-secret' })
    found.one('problem', /does not accept user "reader": authentication failed/)
    assert.deepEqual(found.at('problem'), ['authentication'])
    assert.doesNotMatch(String(found), /my-own-secret/)
  })

  test('a user who may read is all that a gateway needs', async t => {
    if (!requireEtcd(t)) return
    const found = await Examination.of(etcd.url, { user: 'reader', password: PASSWORD })
    assert.deepEqual([...found.at('problem'), ...found.at('warning')], [], `${found}`)
    found.one('ok', /accepts user "reader"/)
    assert.doesNotMatch(String(found), new RegExp(PASSWORD))
  })

  test('a user who may not write is told so when it is tried', async t => {
    if (!requireEtcd(t)) return
    const user = { password: PASSWORD, writeCheck: true }
    const reader = await Examination.of(etcd.url, { ...user, user: 'reader' })
    assert.match(
      reader.one('problem', /no key below/).hint ?? '',
      /grant-permission .* readwrite \/services\//,
    )
    assert.deepEqual(reader.at('problem'), ['writing'])
    const writer = await Examination.of(etcd.url, { ...user, user: 'writer' })
    assert.deepEqual(writer.at('problem'), [], `${writer}`)
  })

  test('a prefix that a user may not read is a problem of that prefix alone', async t => {
    if (!requireEtcd(t)) return
    const found = await Examination.of(etcd.url, { user: 'half', password: PASSWORD })
    const { message, hint } = found.one('problem', /cannot be read/)
    assert.equal(message, '/waygate/routes/ cannot be read: permission denied')
    assert.match(hint ?? '', /--prefix=true read \/waygate\/routes\//)
    found.one('problem', /^changes below \/waygate\/routes\/ cannot be followed/)
    assert.deepEqual(found.at('problem'), ['routes', 'watch'])
    found.one('ok', /^\/services\/ has/)
  })
})
