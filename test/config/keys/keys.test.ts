import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'

const encoding = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve, ...encoding }).publicKey
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength, ...encoding })
const rsa2048 = rsa(2048)

function load(t: TestContext, jwt: object, files: Readonly<Record<string, string | Buffer>> = {}) {
  const cwd = tempFolder(t, { ...files, 'waygate.yaml': JSON.stringify({ jwt }) })
  return { cwd, ...loadConfig({ env: {}, cwd }) }
}

function problemOf(
  t: TestContext,
  jwt: object,
  files: Readonly<Record<string, string | Buffer>> = {},
): string {
  const cwd = tempFolder(t, { ...files, 'waygate.yaml': JSON.stringify({ jwt }) })
  try {
    loadConfig({ env: {}, cwd })
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.message.replaceAll(join(cwd, '/'), '')
  }
  assert.fail('it was accepted')
}

const kinds: [what: string, pem: () => string, algorithms: string[]][] = [
  ['an RSA key', () => rsa2048.publicKey, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  [
    'an RSA-PSS key',
    () => generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...encoding }).publicKey,
    ['PS256', 'PS384', 'PS512'],
  ],
  ['a P-256 key', () => ec('P-256'), ['ES256']],
  ['a P-384 key', () => ec('P-384'), ['ES384']],
  ['a P-521 key', () => ec('P-521'), ['ES512']],
  ['an Ed25519 key', () => generateKeyPairSync('ed25519', encoding).publicKey, ['EdDSA']],
]

for (const [what, pem, algorithms] of kinds) {
  test(`${what} verifies ${algorithms.join(', ')} and nothing else`, t => {
    const { keys, warnings } = load(t, { publicKeyFile: 'key.pem' }, { 'key.pem': pem() })
    assert.equal(keys.jwt?.key.type, 'public')
    assert.deepEqual(keys.jwt?.algorithms, algorithms)
    assert.deepEqual(warnings, [])
  })
}

test('a secret verifies the HS family, and one newline at the end of its file is ignored', t => {
  const secret = '0123456789abcdef0123456789abcdef'
  const { keys, warnings } = load(t, { secretFile: 's' }, { s: `${secret}\n` })
  assert.deepEqual(keys.jwt?.algorithms, ['HS256', 'HS384', 'HS512'])
  assert.equal(keys.jwt?.key.export().toString(), secret)
  assert.deepEqual(warnings, [])
})

test('a secret below 32 bytes is accepted with a warning', t => {
  const { keys, warnings } = load(t, { secret: 'x'.repeat(31) })
  assert.equal(keys.jwt?.key.symmetricKeySize, 31)
  assert.deepEqual(warnings, [
    'jwt.secret has 31 bytes; below 32 it can be guessed from a token (RFC 7518 section 3.2)',
  ])
})

test('an algorithm that does not fit the key is refused, since signatures are forged that way', t => {
  const files = { 'key.pem': rsa2048.publicKey }
  assert.match(
    problemOf(t, { publicKeyFile: 'key.pem', algorithms: ['RS256', 'HS256'] }, files),
    /^waygate\.yaml:1: \$\.jwt\.algorithms\[1\]: HS256 does not fit a key of type rsa: RS256, /,
  )
  assert.match(
    problemOf(t, { secret: 'x'.repeat(32), algorithms: ['RS256'] }),
    /\$\.jwt\.algorithms\[0\]: RS256 does not fit a secret: HS256, HS384, HS512$/,
  )
})

test('"none" is not an algorithm', t => {
  assert.match(
    problemOf(t, { secret: 'x', algorithms: ['none'] }),
    /algorithms\[0\]: must be "HS256", .*not "none"/,
  )
})

const unusable: [what: string, files: Record<string, string>, problem: RegExp][] = [
  [
    'a file that is not there',
    {},
    /^waygate\.yaml:1: \$\.jwt\.publicKeyFile: k cannot be read: no such file$/,
  ],
  ['a file that holds something else', { k: 'hello' }, /k does not hold a public key or certificate in PEM$/],
  ['a small RSA key', { k: rsa(1024).publicKey }, /k holds an RSA key of 1024 bits; use at least 2048$/],
  ['a curve without algorithm', { k: ec('secp256k1') }, /k holds a key of type secp256k1; use RSA, P-256/],
  ['an X25519 key', { k: generateKeyPairSync('x25519', encoding).publicKey }, /key of type x25519; use RSA/],
]

for (const [what, files, problem] of unusable) {
  test(`${what} is no key`, t => assert.match(problemOf(t, { publicKeyFile: 'k' }, files), problem))
}

test('an empty secret file is refused', t => {
  assert.match(
    problemOf(t, { secretFile: 's' }, { s: '\n' }),
    /secretFile: is empty, but must hold a secret$/,
  )
})

test('a private key where the public one belongs is accepted with a warning', t => {
  const { keys, warnings } = load(t, { publicKeyFile: 'k' }, { k: rsa2048.privateKey })
  assert.equal(keys.jwt?.key.type, 'public')
  assert.match(warnings[0] ?? '', /k holds a private key; the gateway needs only the public key$/)
})

test('a private key alone verifies nothing, and the gateway does not read it', t => {
  const { keys } = load(t, { privateKeyFile: 'not-there.pem' })
  assert.equal(keys.jwt, undefined)
})

test('a file for etcd that does not hold PEM is refused', t => {
  const cwd = tempFolder(t, { 'ca.pem': 'hello' })
  const env = { WAYGATE_ETCD: 'https://10.0.0.5:2379', WAYGATE_ETCD_CA: 'ca.pem' }
  assert.throws(() => loadConfig({ env, cwd }), {
    name: 'ConfigError',
    message: `environment WAYGATE_ETCD_CA: $.etcd.ca: ${join(cwd, 'ca.pem')} does not hold PEM`,
  })
})

const MARK = '\ufeff'
const SECRET = '0123456789abcdef0123456789abcdef'

test('a secret file means the same text with CRLF, with a byte order mark, and inline', t => {
  for (const content of [
    SECRET,
    `${SECRET}\n`,
    `${SECRET}\r\n`,
    `${MARK}${SECRET}\n`,
    `${MARK}${SECRET}\r\n`,
  ]) {
    const { keys, warnings } = load(t, { secretFile: 's' }, { s: content })
    assert.equal(keys.jwt?.key.export().toString(), SECRET, JSON.stringify(content))
    assert.deepEqual(warnings, [])
  }
})

test('white space at the ends of a secret counts, which is said', t => {
  for (const content of [`${SECRET}\n\n`, `${SECRET} \n`, ` ${SECRET}`, `${SECRET}\r`]) {
    const { warnings } = load(t, { secretFile: 's' }, { s: content })
    assert.deepEqual(warnings, [
      'jwt.secretFile begins or ends with white space, which counts as part of the secret',
    ])
  }
  // A variable filled from a file with a newline: another gateway that reads the file itself has another secret.
  const { warnings } = loadConfig({ env: { WAYGATE_JWT_SECRET: `${SECRET}\n` }, cwd: tempFolder(t) })
  assert.deepEqual(warnings, [
    'jwt.secret begins or ends with white space, which counts as part of the secret',
  ])
})

test('a secret file that is not text is refused, because its bytes would be replaced by others', t => {
  const refused: [content: Buffer, problem: RegExp][] = [
    [Buffer.from(Array.from({ length: 32 }, (_, i) => 0x80 + i)), /secretFile: s is not UTF-8 text$/],
    [Buffer.from(`${MARK}${SECRET}`, 'utf16le'), /secretFile: s is UTF-16; save it as UTF-8$/],
    [Buffer.from(`${SECRET}\0`), /secretFile: s has a NUL character/],
  ]
  for (const [s, problem] of refused) assert.match(problemOf(t, { secretFile: 's' }, { s }), problem)
})

test('a key in PEM is read with a byte order mark and with CRLF', t => {
  for (const pem of [MARK + rsa2048.publicKey, rsa2048.publicKey.replaceAll('\n', '\r\n')]) {
    assert.equal(load(t, { publicKeyFile: 'k' }, { k: pem }).keys.jwt?.key.type, 'public')
  }
  const k = Buffer.from(MARK + rsa2048.publicKey, 'utf16le')
  assert.match(problemOf(t, { publicKeyFile: 'k' }, { k }), /publicKeyFile: k is UTF-16; save it as UTF-8$/)
})

test('a users file has the same users with a byte order mark and with CRLF, and none in another encoding', t => {
  const hash = '$scrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'
  const users = (content: string | Buffer) => {
    const cwd = tempFolder(t, { u: content, 'waygate.yaml': 'basic: { usersFile: u }' })
    return [...(loadConfig({ env: {}, cwd }).keys.users?.keys() ?? [])]
  }
  const lines = ['# ours', `anna:${hash}`, `jürgen:${hash}`, '']
  for (const content of [lines.join('\n'), lines.join('\r\n'), MARK + lines.slice(1).join('\r\n')]) {
    assert.deepEqual(users(content), ['anna', 'jürgen'])
  }
  assert.throws(() => users(Buffer.from(lines.join('\n'), 'latin1')), /usersFile: .*u is not UTF-8 text$/)
})
