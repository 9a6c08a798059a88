import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** The length of a key that private keys are sealed with. */
export const SEAL_KEY_BYTES = 32

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * Seals a text (AES-256-GCM), so that only who has the key can read it, and nobody can use it under another name. Returns
 * base64 of the nonce, the ciphertext and the tag.
 *
 * @param sealKey 32 bytes
 */
export function seal(text: string, name: string, sealKey: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, sealKey, nonce).setAAD(Buffer.from(name))
  const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(sealed).toString('base64')
}

/**
 * Returns the text that {@link seal} was given.
 *
 * @throws Error when it is not what `seal` returns, or was sealed with another key, or under another name
 */
export function unseal(sealed: string, name: string, sealKey: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64')
  if (!BASE64.test(sealed) || bytes.length <= NONCE_BYTES + TAG_BYTES) {
    throw new Error(
      'must be base64 of a nonce, the sealed key and a tag, as waygate certificate put writes it',
    )
  }
  const decipher = createDecipheriv(CIPHER, sealKey, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(name))
    .setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return (
      decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    )
  } catch {
    throw new Error(`was sealed with another key than tls.sealKeyFile, or under another name than "${name}"`)
  }
}
