import assert from 'node:assert/strict'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  candidatesOf,
  parseHosts,
  parseResolvConf,
  SystemNames,
} from '../../../wrappers/names/system-names.ts'
import { tempFolder } from '../../config/temp-folder.ts'

test('search domains and ndots are read as glibc reads them', () => {
  const kubernetes =
    'nameserver 10.96.0.10\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:5 edns0\n'
  assert.deepEqual(parseResolvConf(kubernetes), {
    search: ['a.svc.cluster.local', 'svc.cluster.local'],
    ndots: 5,
  })
  assert.deepEqual(parseResolvConf('domain one.test\nsearch two.test. # three.test\n'), {
    search: ['two.test'],
    ndots: 1,
  })
  assert.deepEqual(parseResolvConf('search .\noptions ndots:99 ndots:x'), { search: [], ndots: 15 })
  assert.deepEqual(parseResolvConf(''), { search: [], ndots: 1 })
})

test('a name with few dots is completed first, one with many is first asked for as it is', () => {
  const rules = { search: ['a.test', 'test'], ndots: 2 }
  assert.deepEqual(candidatesOf('user', rules), ['user.a.test', 'user.test', 'user'])
  assert.deepEqual(candidatesOf('user.b.c', rules), ['user.b.c', 'user.b.c.a.test', 'user.b.c.test'])
  assert.deepEqual(candidatesOf('user.', rules), ['user'])
})

test('addresses of a hosts file are written as sockets write them', () => {
  const hosts = parseHosts('FD00:0::1 node\nfd00::1 node\nfe80::1%lo near\n')
  assert.deepEqual(
    [...hosts],
    [
      ['node', ['fd00::1']],
      ['near', ['fe80::1%lo']],
    ],
  )
})

test('a hosts file gives a name all of its addresses, in any case of letters', () => {
  const hosts = parseHosts(
    '127.0.0.1 localhost\n10.0.0.1 Node node.test # other\n::1 node\nnonsense node\n10.0.0.1 node\n',
  )
  assert.deepEqual(hosts.get('node'), ['10.0.0.1', '::1'])
  assert.deepEqual(hosts.get('node.test'), ['10.0.0.1'])
  assert.equal(hosts.get('other'), undefined)
})

test('changes of the files count at once, and a missing file is empty', t => {
  const folder = tempFolder(t)
  const paths = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') }
  const names = new SystemNames(paths)
  assert.equal(names.addressesOf('node'), undefined)
  assert.deepEqual(names.addressesOf('a.LOCALHOST.'), ['127.0.0.1', '::1'])
  writeFileSync(paths.hosts, '10.0.0.1 node\n')
  writeFileSync(paths.resolvConf, 'search a.test\n')
  assert.deepEqual(names.addressesOf('Node.'), ['10.0.0.1'])
  const { searchRules } = names
  assert.deepEqual(searchRules.search, ['a.test'])
  assert.equal(names.searchRules, searchRules)
  writeFileSync(paths.hosts, '10.0.0.22 node\n')
  assert.deepEqual(names.addressesOf('node'), ['10.0.0.22'])
})

test('a file that cannot even be looked at is empty', t => {
  const hosts = join(tempFolder(t), 'hosts')
  symlinkSync(hosts, hosts)
  const names = new SystemNames({ hosts, resolvConf: hosts })
  assert.equal(names.addressesOf('node'), undefined)
  assert.deepEqual(names.searchRules, { search: [], ndots: 1 })
})
