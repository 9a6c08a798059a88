import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainAddressCodec } from '../../../discovery/codecs/plain-address.ts'
import { refuses } from '../codec-contract.ts'

test('plain-address: an IPv6 address stands in brackets, and white space around is dropped', () => {
  assert.equal(plainAddressCodec.decode('user/u1', '[2001:db8::1]:80\n')[0]?.host, '2001:db8::1')
  refuses(() => plainAddressCodec.decode('user/u1', '2001:db8::1:80'))
  refuses(() => plainAddressCodec.decode('user/u1', '[fe80::1]:80'), /link-local/)
})
