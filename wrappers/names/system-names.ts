import { readFileSync, statSync } from 'node:fs'
import { isIP, SocketAddress } from 'node:net'
import { join } from 'node:path'

/** How the system completes a name that is not absolute (resolv.conf(5)). */
export interface SearchRules {
  /** Domains that are appended, in this order. */
  readonly search: readonly string[]
  /** A name with at least so many dots is first asked for as it is. */
  readonly ndots: number
}

const MAX_NDOTS = 15

/** Reads `search`, `domain` and `options ndots:N` of a resolv.conf. As in glibc, the last line of a kind counts. */
export function parseResolvConf(text: string): SearchRules {
  let search: readonly string[] = []
  let ndots = 1
  for (const [keyword, ...values] of linesOf(text, /^[#;].*|\s[#;].*/)) {
    if (keyword === 'search') search = values
    else if (keyword === 'domain') search = values.slice(0, 1)
    else if (keyword === 'options') {
      for (const option of values) {
        const [, count] = /^ndots:(\d{1,3})$/.exec(option) ?? []
        if (count !== undefined) ndots = Math.min(Number(count), MAX_NDOTS)
      }
    }
  }
  // `search .` stands for the root, which appends nothing.
  return { search: search.map(withoutDot).filter(domain => domain !== ''), ndots }
}

/** Returns the absolute names that a name may stand for, in the order in which they are asked for. */
export function candidatesOf(name: string, { search, ndots }: SearchRules): readonly string[] {
  if (name.endsWith('.')) return [withoutDot(name)]
  const completed = search.map(domain => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...completed] : [...completed, name]
}

/** Reads a hosts file: addresses by name, in lower case. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>()
  for (const [written, ...names] of linesOf(text, /#.*/)) {
    if (written === undefined || isIP(written) === 0) continue
    // As sockets say it, with which it is compared.
    const isPlainIp6 = isIP(written) === 6 && !written.includes('%')
    const address = isPlainIp6 ? new SocketAddress({ address: written, family: 'ipv6' }).address : written
    for (const each of names) {
      const name = withoutDot(each.toLowerCase())
      const addresses = hosts.get(name)
      if (addresses === undefined) hosts.set(name, [address])
      else if (!addresses.includes(address)) addresses.push(address)
    }
  }
  return hosts
}

const HOSTS_PATH =
  process.platform === 'win32'
    ? join(process.env.SystemRoot ?? 'C:\\Windows', 'System32\\drivers\\etc\\hosts')
    : '/etc/hosts'

/** The hosts file and the resolv.conf of this machine, read again when they have changed. */
export class SystemNames {
  readonly #hosts: FollowedFile<ReadonlyMap<string, readonly string[]>>
  readonly #rules: FollowedFile<SearchRules>

  /** @param paths of the files; default: those of the system */
  constructor({ hosts = HOSTS_PATH, resolvConf = '/etc/resolv.conf' } = {}) {
    this.#hosts = new FollowedFile(hosts, parseHosts)
    this.#rules = new FollowedFile(resolvConf, parseResolvConf)
  }

  /** Returns the same object as long as the file has not changed. */
  get searchRules(): SearchRules {
    return this.#rules.content
  }

  /**
   * Returns the addresses of a name that needs no name server: one in the hosts file, or one for this machine (RFC 6761
   * section 6.3).
   */
  addressesOf(name: string): readonly string[] | undefined {
    const key = withoutDot(name.toLowerCase())
    const found = this.#hosts.content.get(key)
    if (found !== undefined) return found
    return key === 'localhost' || key.endsWith('.localhost') ? LOOPBACK : undefined
  }
}

const LOOPBACK = ['127.0.0.1', '::1']

/**
 * A small file that is read when its content is needed and it has changed. It is read synchronously: reading it in the
 * thread pool would wait for whatever resolves names there.
 */
class FollowedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  #version = ''
  #content: T

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path
    this.#parse = parse
    this.#content = parse('')
  }

  /** A file that cannot be read is empty. */
  get content(): T {
    const version = versionOf(this.#path)
    if (version !== this.#version) {
      this.#version = version
      this.#content = this.#parse(version === '' ? '' : textOf(this.#path))
    }
    return this.#content
  }
}

/** Returns a text that changes with the file; '' when there is none, or it cannot be looked at. */
function versionOf(path: string): string {
  try {
    const { dev, ino, mtimeMs, size } = statSync(path)
    return `${dev}:${ino}:${mtimeMs}:${size}`
  } catch {
    return ''
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function* linesOf(text: string, comment: RegExp): Iterable<readonly string[]> {
  for (const line of text.split('\n')) {
    const words = line.replace(comment, '').split(/\s+/).filter(Boolean)
    if (words.length > 0) yield words
  }
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name
}
