import type { Mirrors } from '../../middleware/policies/mirror.ts'

/** For policies of a test that copy no request. */
export const NO_MIRRORS: Mirrors = {
  memory: { bytes: 0, maxBytes: 0 },
  inFlight: new Map(),
  isCredential: () => false,
  send: () => Promise.reject(new Error('nothing is to be copied here')),
}
