/**
 * Calls a real etcd by its JSON, which no code under test speaks. A process of `etcdctl` costs 60 ms of CPU time, so that is for
 * tests of what its users see.
 *
 * @param path of the call below `/v3/`, such as `kv/range`
 * @param body keys and values in base64
 * @throws Error with the answer when etcd refuses
 */
export async function askEtcd<T = unknown>(url: string, path: string, body: object = {}): Promise<T> {
  const response = await fetch(`${url}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    // A kept connection would not survive a restart.
    headers: { connection: 'close' },
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`etcd answers ${path} with ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

/** Lists the keys with a prefix and their values, sorted by key. */
export async function listKeys(url: string, prefix: string): Promise<readonly (readonly [string, string])[]> {
  const { kvs = [] } = await askEtcd<{ kvs?: readonly { readonly key: string; readonly value?: string }[] }>(
    url,
    'kv/range',
    rangeOf(prefix),
  )
  const text = (base64 = '') => Buffer.from(base64, 'base64').toString()
  return kvs.map(({ key, value }) => [text(key), text(value)] as const)
}

/** @param lease the lease to which the key belongs then, as a decimal number. Default: none */
export async function putKey(url: string, key: string, value: string, lease?: string): Promise<void> {
  await askEtcd(url, 'kv/put', { key: base64(key), value: base64(value), ...(lease && { lease }) })
}

export async function deleteKey(url: string, key: string): Promise<void> {
  await askEtcd(url, 'kv/deleterange', { key: base64(key) })
}

/** Forgets every revision before the present one. */
export async function compactEtcd(url: string): Promise<void> {
  const { header } = await askEtcd<{ header: { revision: string } }>(url, 'maintenance/status')
  await askEtcd(url, 'kv/compaction', { revision: header.revision })
}

export interface UserSetUp {
  /** What each role may do with the keys of which prefixes. */
  readonly roles: Readonly<Record<string, readonly (readonly ['read' | 'readwrite', prefix: string])[]>>
  /** Password and role of each user besides root. */
  readonly users: Readonly<Record<string, readonly [password: string, role: string]>>
  readonly rootPassword: string
  /** Whether authentication is enabled then. Default true. */
  readonly enabled?: boolean
}

/** Sets up an etcd without users as docs/etcd.md says. */
export async function setUpUsers(url: string, { roles, users, rootPassword, enabled = true }: UserSetUp) {
  for (const [name, permissions] of Object.entries(roles)) {
    await askEtcd(url, 'auth/role/add', { name })
    for (const [mode, prefix] of permissions) {
      const perm = { permType: mode.toUpperCase(), ...rangeOf(prefix) }
      await askEtcd(url, 'auth/role/grant', { name, perm })
    }
  }
  for (const [name, [password, role]] of Object.entries({ root: [rootPassword, 'root'], ...users })) {
    await askEtcd(url, 'auth/user/add', { name, password })
    await askEtcd(url, 'auth/user/grant', { user: name, role })
  }
  if (enabled) await askEtcd(url, 'auth/enable')
}

function rangeOf(prefix: string): { readonly key: string; readonly range_end: string } {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
  return { key: base64(prefix), range_end: base64(end) }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
