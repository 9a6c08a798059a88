import type { Charge, CountedRule, Verdict } from '../../internal/limits/counters.ts'

/** `take` tests and charges, `test` only tests, `add` only charges. */
export type ChargeMode = 'take' | 'test' | 'add'

/**
 * Tests and charges in the store. KEYS has one key for each charge. ARGV has the time, in microseconds since 1970, or an
 * empty text for the clock of the store, and then five texts for each charge: kind, x, y, cost, mode. Returns four integers
 * for each charge: whether it is allowed, how many requests remain, and the microseconds until one request and until this
 * one would be admitted (-1: never).
 *
 * Everything is read and tested first, and written only if nothing is refused. Numbers are written with `%.0f`, because
 * Lua's own conversion keeps 14 digits, and a time in microseconds has 16. The commands are those of Redis 5; there is
 * nothing but `TIME` that a hosted store may forbid.
 *
 * A count in the store that is far ahead of the clock was written before the clock was set back. It is cut, which is the one
 * write before the decision, or begun anew, so that nobody waits for the time that the clock once had.
 */
export const TAKE_SCRIPT = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function text(number) return string.format('%.0f', number) end
local function ttl(micros) return text(math.max(1, math.ceil(micros / 1000))) end

local kinds = {}

-- x: micros between two requests; y: micros by which requests may be early. Kept: when the last request was due.
kinds.gcra = {
  read = function(c)
    c.due = math.max(now, tonumber(redis.call('GET', c.key)) or now)
    if c.due > now + c.y + c.x then
      c.due = now + c.y
      redis.call('SET', c.key, text(c.due), 'PX', ttl(c.y))
    end
  end,
  wait = function(c, cost)
    if c.x * cost > c.y then return -1 end
    return math.max(0, c.due + c.x * cost - now - c.y)
  end,
  charge = function(c)
    c.due = math.max(now, c.due + c.x * c.cost)
    if c.due == now then redis.call('DEL', c.key)
    else redis.call('SET', c.key, text(c.due), 'PX', ttl(c.due - now)) end
  end,
  left = function(c) return math.floor((c.y - (c.due - now)) / c.x) end,
}

-- x: limit; y: micros of a window. Kept: where the window begins, and its count. Clocks of gateways may differ by a window.
kinds.fixed = {
  read = function(c)
    c.begins = now - math.fmod(now, c.y)
    c.count = 0
    local begins, count = string.match(redis.call('GET', c.key) or '', '^(%d+) (%d+)$')
    begins = tonumber(begins)
    if begins == c.begins or begins == c.begins + c.y then
      c.begins, c.count = begins, tonumber(count)
    end
  end,
  wait = function(c, cost)
    if cost > c.x then return -1 end
    if c.count + cost <= c.x then return 0 end
    return c.begins + c.y - now
  end,
  charge = function(c)
    c.count = math.max(0, c.count + c.cost)
    redis.call('SET', c.key, text(c.begins) .. ' ' .. text(c.count), 'PX', ttl(c.begins + c.y - now))
  end,
  left = function(c) return c.x - c.count end,
}

-- x: limit; y: when the window ends, which the key names. Kept: its count, a minute longer, since clocks differ.
kinds.calendar = {
  read = function(c) c.count = tonumber(redis.call('GET', c.key)) or 0 end,
  wait = function(c, cost)
    if cost > c.x then return -1 end
    if c.count + cost <= c.x then return 0 end
    return math.max(1000, c.y - now)
  end,
  charge = function(c)
    c.count = math.max(0, c.count + c.cost)
    redis.call('SET', c.key, text(c.count), 'PX', ttl(math.max(0, c.y - now) + 60000000))
  end,
  left = function(c) return c.x - c.count end,
}

-- x: limit; y: micros of the window. Kept: the time of each request, and a number that tells those of one time apart.
kinds.exact = {
  read = function(c)
    c.after, c.before = '(' .. text(now - c.y), text(now + c.y)
    c.count = redis.call('ZCOUNT', c.key, c.after, c.before)
  end,
  wait = function(c, cost)
    if cost > c.x then return -1 end
    local over = c.count + cost - c.x
    if over <= 0 then return 0 end
    local last = redis.call('ZRANGEBYSCORE', c.key, c.after, c.before, 'LIMIT', text(over - 1), '1')[1]
    return tonumber(string.match(last, '^%d+')) + c.y - now
  end,
  charge = function(c)
    redis.call('ZREMRANGEBYSCORE', c.key, '-inf', text(now - c.y))
    redis.call('ZREMRANGEBYSCORE', c.key, '(' .. c.before, '+inf')
    if c.cost < 0 then
      redis.call('ZREMRANGEBYRANK', c.key, text(c.cost), '-1')
    else
      local time = text(now)
      local first = redis.call('ZCOUNT', c.key, time, time)
      local entries = {}
      for i = 1, c.cost do
        entries[2 * i - 1] = time
        entries[2 * i] = string.format('%s:%06d', time, first + i)
      end
      redis.call('ZADD', c.key, unpack(entries))
      redis.call('PEXPIRE', c.key, ttl(c.y))
    end
    c.count = math.max(0, c.count + c.cost)
  end,
  left = function(c) return c.x - c.count end,
}

local charges, refused = {}, false
for i, key in ipairs(KEYS) do
  local at = 5 * i - 3
  local kind = kinds[ARGV[at]]
  local c = {
    key = key, kind = kind, mode = ARGV[at + 4],
    x = tonumber(ARGV[at + 1]), y = tonumber(ARGV[at + 2]), cost = tonumber(ARGV[at + 3]),
  }
  kind.read(c)
  c.retry = (c.mode == 'add' or c.cost == 0) and 0 or kind.wait(c, c.cost)
  refused = refused or c.retry ~= 0
  charges[i] = c
end

local reply = {}
for i, c in ipairs(charges) do
  if not refused and c.mode ~= 'test' and c.cost ~= 0 then c.kind.charge(c) end
  local left = math.max(0, c.kind.left(c))
  reply[4 * i - 3] = c.retry == 0 and 1 or 0
  reply[4 * i - 2] = left
  reply[4 * i - 1] = left > 0 and 0 or c.kind.wait(c, 1)
  reply[4 * i] = c.retry
end
return reply
`

/**
 * Returns what ARGV has for one charge.
 *
 * @param cost that of the charge, unless it is given back
 */
export function chargeArguments(charge: Charge, mode: ChargeMode, cost = charge.cost): readonly string[] {
  const { rule, windowEndsAt } = charge
  return windowEndsAt === undefined
    ? [...ruleArguments(rule), String(cost), mode]
    : ['calendar', String(rule.limit), String(windowEndsAt * 1_000), String(cost), mode]
}

/** The arguments of rules, of which each is made once. */
const madeArguments = new WeakMap<CountedRule, readonly string[]>()

function ruleArguments(rule: CountedRule): readonly string[] {
  let made = madeArguments.get(rule)
  if (!made) {
    const { algorithm, limit, windowMicros, burst } = rule
    const period = Math.ceil(windowMicros / limit)
    const [x, y] = algorithm === 'gcra' ? [period, period * burst] : [limit, windowMicros]
    made = [algorithm, String(x), String(y)]
    madeArguments.set(rule, made)
  }
  return made
}

/**
 * Reads what the script returned for `count` charges.
 *
 * @throws Error when the script has returned something else
 */
export function readVerdicts(reply: unknown, count: number): readonly Verdict[] {
  if (!Array.isArray(reply) || reply.length !== 4 * count || !reply.every(Number.isSafeInteger))
    throw new Error('the store has answered something that the script does not return')
  return Array.from({ length: count }, (_, i) => {
    const [allowed, remaining, nextMicros, retryMicros]: number[] = reply.slice(4 * i, 4 * i + 4)
    return {
      allowed: allowed === 1,
      remaining: remaining!,
      nextMs: toMs(nextMicros!),
      retryMs: toMs(retryMicros!),
    }
  })
}

function toMs(micros: number): number {
  return micros === -1 ? Number.POSITIVE_INFINITY : Math.ceil(micros / 1_000)
}
