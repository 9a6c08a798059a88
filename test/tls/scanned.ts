/** What a scanner says. */
export interface Scanned {
  /** What it has printed. */
  readonly text: string
  /** What must not be. */
  readonly faults: string[]
}

/** Returns whether a cipher has forward secrecy, as all of TLS 1.3 have, and authenticated encryption. Takes names of OpenSSL. */
export function isStrong(cipher: string): boolean {
  return /^(TLS_|ECDHE-)/.test(cipher) && /GCM|CHACHA20/.test(cipher)
}
