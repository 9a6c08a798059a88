/** Says in plain words why OpenSSL does not take a certificate or a key. */
export function explainPem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_OSSL_PEM_NO_START_LINE' || /no start line|DECODER.*unsupported/.test(message))
    return 'it is not PEM'
  if (code === 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED' || code === 'ERR_MISSING_PASSPHRASE')
    return 'it is encrypted, and there is no password for it'
  if (/bad decrypt|bad password read/i.test(message)) return 'the password does not decrypt it'
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'the private key is not that of the certificate'
  return message.replace(/^error:[0-9A-F]+:/, '').replaceAll('::', ': ')
}
