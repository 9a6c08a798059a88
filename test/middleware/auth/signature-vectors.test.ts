import assert from 'node:assert/strict'
import { createSecretKey, type webcrypto } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { readJwk } from '../../../config/kit/jwk.ts'
import type { VerificationKey } from '../../../middleware/auth/key-source.ts'
import { readClaims, readJws } from '../../../middleware/auth/token-form.ts'
import { verifySignature } from '../../../middleware/auth/token-signature.ts'

const fixtures = join(import.meta.dirname, '../../fixtures')
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'))

type Jwk = webcrypto.JsonWebKey & { alg?: string; use?: string }

interface Vectors {
  readonly numberOfTests: number
  readonly testGroups: readonly {
    readonly comment: string
    readonly public?: Jwk
    readonly private?: Jwk
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly jws: string
      readonly result: 'valid' | 'invalid'
    }[]
  }[]
}

/** Makes a key of only what an operator or an issuer would say about it. */
function verificationKey({ alg, ...jwk }: Jwk): VerificationKey {
  if (jwk.kty !== 'oct') return readJwk(alg === undefined ? jwk : { ...jwk, alg })
  return { key: createSecretKey(Buffer.from(jwk.k!, 'base64url')), algorithms: [alg!] }
}

function isAccepted(jws: string, jwk: Jwk): boolean {
  try {
    verifySignature(readJws(jws), verificationKey(jwk))
    return true
  } catch (error) {
    assert.ok(error instanceof Error)
    return false
  }
}

/** The two points where Waygate is stricter than the vectors expect, with the reasons. */
const STRICTER: readonly (readonly [comment: RegExp, why: string])[] = [
  [/^emptyPayload$/, 'a token without a payload has no claims, and jsonwebtoken refuses it'],
  [
    /^InvalidCharacterInsertedIn/,
    'a character that is not base64url: other spellings of one token are refused',
  ],
]

describe('every signature of Wycheproof is judged as the vectors say', () => {
  const { testGroups, numberOfTests }: Vectors = read(
    join(fixtures, 'wycheproof_json_web_signature_test.json'),
  )
  let seen = 0
  for (const group of testGroups) {
    const { alg, ...rest } = (group.public ?? group.private)!
    // These vectors give PS256 for a key whose signature is PS384, and ES521, which does not exist. The RFC gives no alg.
    const isMisnamed = group.comment.startsWith('rfc7520') && rest.kty !== 'oct'
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) delete (rest as Record<string, unknown>)[secret]
    const jwk: Jwk = isMisnamed || alg === undefined ? rest : { ...rest, alg }
    const valid = new Set(group.tests.filter(({ result }) => result === 'valid').map(({ jws }) => jws))
    for (const { tcId, comment, jws, result } of group.tests) {
      seen++
      // Cases about padding that the file has lost: they have the same bytes as a valid one.
      if (result === 'invalid' && valid.has(jws)) {
        test(`${group.comment} ${tcId} ${comment}: padded, invalid`, () => {
          assert.match(comment, /^invalidBase64Padding/)
          for (const padded of [`${jws}=`, jws.replace('.', '=.'), jws.replace(/\.(?!.*\.)/, '==.')]) {
            assert.ok(!isAccepted(padded, jwk), padded)
          }
        })
        continue
      }
      test(`${group.comment} ${tcId} ${comment}: ${result}`, () => {
        const stricter = result === 'valid' && STRICTER.find(([what]) => what.test(comment))
        assert.equal(isAccepted(jws, jwk), result === 'valid' && !stricter)
      })
    }
  }
  test('all of them were checked', () => assert.equal(seen, numberOfTests))
})

interface Example {
  readonly title: string
  readonly input: { readonly payload: string; readonly key: Jwk | readonly Jwk[]; readonly alg: string }
  readonly output: { readonly compact?: string; readonly json?: object; readonly json_flat?: object }
}

describe('the examples of RFC 7520 and RFC 7797 are accepted only where they are complete tokens', () => {
  const files = globSync('*.json', { cwd: join(fixtures, 'jose_cookbook') })
  test('all of them were found', () => assert.equal(files.length, 10))
  for (const file of files) {
    const { title, input, output }: Example = read(join(fixtures, 'jose_cookbook', file))
    test(`${basename(file, '.json')}: ${title}`, () => {
      const [jwk] = [input.key].flat() as Jwk[]
      const key = { alg: input.alg, ...jwk }
      for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) delete (key as Record<string, unknown>)[name]
      if (/^jws_4_[1-4]\./.test(file)) {
        assert.ok(isAccepted(output.compact!, key))
        assert.equal(readJws(output.compact!).payload.toString(), input.payload)
        return
      }
      for (const form of [output.compact, output.json, output.json_flat]) {
        if (form === undefined) continue
        assert.ok(!isAccepted(typeof form === 'string' ? form : JSON.stringify(form), key), 'as it is')
      }
    })
  }
})

test('a detached signature is refused, even where the signed payload is empty', () => {
  const { testGroups }: Vectors = read(join(fixtures, 'wycheproof_json_web_signature_test.json'))
  const empty = testGroups.flatMap(({ tests }) => tests).filter(({ comment }) => comment === 'emptyPayload')
  assert.equal(empty.length, 6)
  for (const { jws } of empty) assert.throws(() => readClaims(readJws(jws)), /not JSON/)
})
