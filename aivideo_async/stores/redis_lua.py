"""Lua that the scripts of a Redis store share: the namespace, the clock, what is held, and what is forgotten.

What has ended is forgotten by the engine itself in time, record by record (TTL). What is left of it then, in the order
of scanning and among what is due, goes with the hourly pruning that one of all processes does inside of a put or a
claim; it does a hundred of each kind at a time, and goes on with the next put until nothing is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1

FORGET_AT_ONCE = 100
PRUNE_EVERY = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name under which the engine knows it."""

    text: str
    sha: str


def script(*parts: str) -> Script:
    """A script out of several parts."""
    text = "\n".join(parts)
    return Script(text, sha1(text.encode()).hexdigest())  # noqa: S324 - the engine's name for a script, not a secret


PRELUDE = """
local p = KEYS[1]

local function clock(given)
    if given ~= '' then return tonumber(given) end
    local t = redis.call('TIME')
    return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function text(number) return string.format('%.0f', number) end

local function held(id)
    local h = redis.call('HMGET', p .. 't:' .. id, 'ver', 'body', 'next', 'st')
    return {id, h[1], h[2], h[3], h[4]}
end

local function add(reply, more)
    for _, value in ipairs(more) do reply[#reply + 1] = value end
    return reply
end
"""

FORGET = f"""
local AT_ONCE = {FORGET_AT_ONCE}

local function forget(id)
    local t = p .. 't:' .. id
    local h = redis.call('HMGET', t, 'origin', 'sid', 'key')
    local origins = h[1] and {{h[1]}} or redis.call('SMEMBERS', p .. 'origins')
    for _, origin in ipairs(origins) do redis.call('ZREM', p .. 'due:' .. origin, id) end
    for index, name in pairs({{['i:'] = h[2], ['k:'] = h[3]}}) do
        if name and redis.call('GET', p .. index .. name) == id then redis.call('DEL', p .. index .. name) end
    end
    for _, set in ipairs({{'all', 'open', 'ended'}}) do redis.call('ZREM', p .. set, id) end
    return redis.call('DEL', t)
end

local function later(a, b)
    local a1, a2 = string.match(a, '(%d+)-(%d+)')
    local b1, b2 = string.match(b, '(%d+)-(%d+)')
    if a1 ~= b1 then return tonumber(a1) > tonumber(b1) end
    return tonumber(a2) > tonumber(b2)
end

local function forget_events(before)
    local e = p .. 'events'
    local ids = {{}}
    if before < 1000 then return 0 end
    for i, entry in ipairs(redis.call('XRANGE', e, '-', text(math.floor(before / 1000) - 1), 'COUNT', AT_ONCE)) do
        ids[i] = entry[1]
    end
    if #ids == 0 then return 0 end
    for _, info in ipairs(redis.call('XINFO', 'GROUPS', e)) do
        local group = {{}}
        for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
        local lost = 0
        for _, id in ipairs(ids) do
            if later(id, group['last-delivered-id']) then lost = lost + 1 end
        end
        for _, given in ipairs(redis.call('XPENDING', e, group['name'], ids[1], ids[#ids], AT_ONCE)) do
            lost = lost + redis.call('XACK', e, group['name'], given[1])
        end
        if lost > 0 then redis.call('HINCRBY', p .. 'lost', group['name'], lost) end
    end
    redis.call('XDEL', e, unpack(ids))
    return #ids
end

local function forget_ended(before)
    local ids = redis.call('ZRANGEBYSCORE', p .. 'ended', '-inf', '(' .. text(before), 'LIMIT', 0, AT_ONCE)
    local forgotten = 0
    for _, id in ipairs(ids) do forgotten = forgotten + forget(id) end
    local events = forget_events(before)
    return forgotten, #ids == AT_ONCE or events == AT_ONCE
end

local function forget_stale(before)
    local stale = 0
    for _, id in ipairs(redis.call('ZRANGE', p .. 'open', 0, AT_ONCE - 1)) do
        local began = redis.call('HGET', p .. 't:' .. id, 'began')
        if not began or tonumber(began) < before then
            forget(id)
            stale = stale + 1
        end
    end
    return stale == AT_ONCE
end
"""

HOURLY = f"""
local function prune_hourly(now, keep, deadline)
    local pruned = tonumber(redis.call('GET', p .. 'pruned') or '0')
    if now - pruned >= 0 and now - pruned < {PRUNE_EVERY} then return end
    local _, more = forget_ended(now - keep)
    if not forget_stale(now - keep - deadline) and not more then redis.call('SET', p .. 'pruned', text(now)) end
end
"""
