"""What runs inside of the engine, as Lua: each script does one thing of a store in one step (stores.md §3).

No script decides what follows what: that is ``core.lifecycle``, in Python. ``PUT`` is a compare-and-set: it writes what
Python merged, provided that the record is still the one that was merged into, and otherwise gives back what is held.

The keys of a namespace, after its prefix ``av:{ns}:``, which is every script's only KEYS entry:

    t:<id>          hash     body (JSON without the next check), next (microseconds), st, c (claimable), origin, sid,
                             key, n (place in the order), began, ended (the engine's, microseconds), ver, by (see PUT)
    i:<service id>  string   id
    k:<key>         string   id of the task that the key leads to
    due:<origin>    zset     id by microseconds
    origins         set      those that have or had something due
    all, open       zset     id by its place in the order of scanning; open is what has not ended
    ended           zset     id by microseconds
    seq             string   counts changes; the number of the latest stands in the log
    log             stream   id and number of each change
    events          stream   endings; each group of consumers is one of its groups
    lost            hash     group -> endings that were forgotten before it had dealt with them
    notes           hash
    pruned          string   when the hourly pruning was last done, in microseconds
    version         string   "layout.codec"

Moments are microseconds of unix time, exact as doubles until the year 2255; they are text wherever Lua would round.
What may be missing is passed as "" or "=" and the value.
"""

from __future__ import annotations

from aivideo_async.stores.redis_lua import FORGET, FORGET_AT_ONCE, HOURLY, PRELUDE, script

LOG_AT_MOST = 10_000
WRITES_REMEMBERED = 8
TOKEN_LENGTH = 16

_PUT = f"""
local id, sid, key = ARGV[2], ARGV[3], ARGV[4]
local t = p .. 't:' .. id
local old = redis.call('HMGET', t, 'ver', 'by', 'n', 'origin', 'key')
local token = ARGV[8]
if old[2] and string.find(old[2], token, 1, true) then return add({{'again'}}, held(id)) end

local function holder(index, name)
    local other = name ~= '' and redis.call('GET', p .. index .. string.sub(name, 2))
    return other and other ~= id and redis.call('EXISTS', p .. 't:' .. other) == 1 and held(other)
end
local by_sid = holder('i:', sid)
if by_sid then return add({{'id'}}, by_sid) end
local by_key = holder('k:', key)
if by_key and (by_key[1] ~= ARGV[6] or by_key[2] ~= ARGV[7]) then return add({{'key'}}, by_key) end
if (old[1] or '') ~= ARGV[5] then return add({{'held'}}, held(id)) end

local body, next_check, status, origin = ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local claimable, has_ended, won = ARGV[13] == '1', ARGV[14] == '1', ARGV[15] == '1'
local own_sid, own_key = ARGV[16], ARGV[17]
local now, keep, deadline = clock(ARGV[1]), tonumber(ARGV[18]), tonumber(ARGV[19])
local n = redis.call('INCR', p .. 'seq')

if not old[1] then
    redis.call('HSET', t, 'n', n, 'began', text(now))
    redis.call('ZADD', p .. 'all', n, id)
    redis.call('ZREM', p .. 'ended', id)
    redis.call('PEXPIRE', t, text(math.ceil((keep + deadline) / 1000)))
end
local by = string.sub(token .. (old[2] or ''), 1, {WRITES_REMEMBERED * TOKEN_LENGTH})
redis.call('HSET', t, 'ver', token, 'by', by, 'body', body, 'st', status, 'c', ARGV[13], 'origin', origin)
if won then
    redis.call('HSET', t, 'ended', text(now))
    redis.call('ZADD', p .. 'ended', text(now), id)
    redis.call('PEXPIRE', t, text(math.ceil(keep / 1000)))
end
if has_ended then
    redis.call('ZREM', p .. 'open', id)
else
    redis.call('ZADD', p .. 'open', old[3] or n, id)
end

if old[4] and old[4] ~= origin then redis.call('ZREM', p .. 'due:' .. old[4], id) end
if next_check == '' then redis.call('HDEL', t, 'next') else redis.call('HSET', t, 'next', next_check) end
if claimable and next_check ~= '' then
    redis.call('ZADD', p .. 'due:' .. origin, next_check, id)
    redis.call('SADD', p .. 'origins', origin)
else
    redis.call('ZREM', p .. 'due:' .. origin, id)
end

local ttl = math.max(1, redis.call('PTTL', t))
local function index(field, prefix, name)
    redis.call('HSET', t, field, name)
    redis.call('SET', p .. prefix .. name, id, 'PX', ttl)
end
if own_sid ~= '' then index('sid', 'i:', string.sub(own_sid, 2)) end
if own_key ~= '' then
    index('key', 'k:', string.sub(own_key, 2))
elseif old[5] and redis.call('GET', p .. 'k:' .. old[5]) == id then
    redis.call('PEXPIRE', p .. 'k:' .. old[5], ttl)
end

if won then
    local e = p .. 'events'
    local ms, number = math.floor(now / 1000), 0
    if redis.call('EXISTS', e) == 1 then
        local info = redis.call('XINFO', 'STREAM', e)
        for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then
                local last_ms, last_number = string.match(info[i + 1], '(%d+)-(%d+)')
                if tonumber(last_ms) >= ms then ms, number = tonumber(last_ms), tonumber(last_number) + 1 end
            end
        end
    end
    redis.call('XADD', e, text(ms) .. '-' .. text(number), 'body', body, 'next', next_check)
end
redis.call('XADD', p .. 'log', 'MAXLEN', '~', {LOG_AT_MOST}, '*', 'id', id, 'n', n)
prune_hourly(now, keep, deadline)
return {{'written'}}
"""

PUT = script(PRELUDE, FORGET, HOURLY, _PUT)
"""now, id, service id, key | expected version, freed holder's id and version | token, body, next, status, origin,
claimable, ended, won, own service id, own key | keep, deadline.

Gives "written"; or "id", "key" or "held" with who holds the service id, the key or the id in another version than
expected; or "again" with the record when the write of this token was done before, its answer having been lost: the
last eight that changed a record are remembered in it.
"""

GET = script(
    PRELUDE,
    """
local found = {}
for i, name in ipairs(ARGV) do
    local h = held(name)
    for _, index in ipairs({'i:', 'k:'}) do
        local id = not h[2] and redis.call('GET', p .. index .. name)
        if id then h = held(id) end
    end
    found[i] = h[2] and h
end
return found
""",
)
"""Names. Gives for each the record by our id, the service's id or a key, in this order, or nil."""

PAGE = script(
    PRELUDE,
    """
local rows = redis.call('ZREVRANGEBYSCORE', p .. ARGV[1], ARGV[2], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local page = {}
for i = 1, #rows, 2 do page[#page + 1] = add({rows[i + 1]}, held(rows[i])) end
return page
""",
)
"""all or open, the place to begin with, how many. Gives place and record of each, the newest first."""

CLAIM = script(
    PRELUDE,
    FORGET,
    HOURLY,
    f"""
local now, origin, limit, lease, token = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local due = p .. 'due:' .. origin
local claimed = {{}}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', text(now), 'LIMIT', 0, limit + {FORGET_AT_ONCE})) do
    if #claimed == limit then break end
    if redis.call('HEXISTS', p .. 't:' .. id, 'body') == 1 then
        redis.call('HSET', p .. 't:' .. id, 'next', text(now + lease), 'ver', token)
        redis.call('ZADD', due, text(now + lease), id)
        claimed[#claimed + 1] = held(id)
    else
        redis.call('ZREM', due, id)
    end
end
prune_hourly(now, tonumber(ARGV[6]), tonumber(ARGV[7]))
return claimed
""",
)
"""now, origin, limit, lease, token | keep, deadline. Gives what was claimed."""

DUE = script(
    PRELUDE,
    """
local id, at, token = ARGV[2], text(clock(ARGV[1]) + tonumber(ARGV[3])), ARGV[4]
local h = redis.call('HMGET', p .. 't:' .. id, 'st', 'c', 'origin')
if not h[1] then return 0 end
for i = 5, #ARGV do
    if h[1] == ARGV[i] then return 0 end
end
redis.call('HSET', p .. 't:' .. id, 'next', at, 'ver', token)
if h[2] == '1' then
    redis.call('ZADD', p .. 'due:' .. h[3], at, id)
    redis.call('SADD', p .. 'origins', h[3])
end
return 1
""",
)
"""now, id, delay, token, and the statuses for which nothing is done."""

PRUNE = script(
    PRELUDE,
    FORGET,
    """
local forgotten, more = forget_ended(tonumber(ARGV[1]))
return {forgotten, more and 1 or 0}
""",
)
"""A moment. Gives how many tasks were forgotten and whether there may be more."""

TAKE = script(
    PRELUDE,
    """
local e, group, lease = p .. 'events', ARGV[1], tonumber(ARGV[2])
redis.pcall('XGROUP', 'CREATE', e, group, '0', 'MKSTREAM')
local lost = redis.call('HGET', p .. 'lost', group)
if lost then return {'lost', tonumber(lost)} end

local function ending(entry)
    local fields = {}
    for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
    return {'ending', entry[1], fields['body'] or '', fields['next'] or ''}
end
for _, given in ipairs(redis.call('XPENDING', e, group, 'IDLE', lease, '-', '+', 1)) do
    local entry = redis.call('XCLAIM', e, group, 'all', lease, given[1])[1]
    if entry then return ending(entry) end
    redis.call('XACK', e, group, given[1])
    return {'lost', redis.call('HINCRBY', p .. 'lost', group, 1)}
end
local new = redis.call('XREADGROUP', 'GROUP', group, 'all', 'COUNT', 1, 'STREAMS', e, '>')
if new then return ending(new[1][2][1]) end
local idle = 0
for _, given in ipairs(redis.call('XPENDING', e, group, '-', '+', 100)) do idle = math.max(idle, given[3]) end
return {'nothing', math.max(0, lease - idle)}
""",
)
"""Group, lease in milliseconds. Gives "ending", its place, body and next check; or "lost" and how many; or "nothing"
and in how many milliseconds there may be something.

A group has one consumer, ``all``: who of them was given an ending does not matter, only how long ago.
"""

TOLD = script(
    PRELUDE,
    """
local left = redis.call('HINCRBY', p .. 'lost', ARGV[1], -tonumber(ARGV[2]))
if left <= 0 then redis.call('HDEL', p .. 'lost', ARGV[1]) end
return left
""",
)
"""Group and number: that many lost endings were told."""

OPEN = script(
    PRELUDE,
    """
redis.call('SET', p .. 'version', ARGV[1], 'NX')
return redis.call('GET', p .. 'version')
""",
)
"""The version that a new namespace gets. Gives the one that it has."""
