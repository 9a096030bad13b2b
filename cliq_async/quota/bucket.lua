-- The bucket of `bucket.py`, where several hosts share it. A test holds the two together, step by step.
--
-- KEYS[1]: the bucket. KEYS[2]: a mark that lasts, by which an idle server is told from one that
-- has lost its memory: the server's run, the generation of its memory, and the generation before
-- which was lost, and is accounted for. ARGV[1]: the arguments, in MessagePack. Answers are in MessagePack, too.

local a = cmsgpack.unpack(ARGV[1])
local q = a.quota

local SOON_S, SOON_SHARE, LATE_S, PASSING_S = 0.04, 0.04, 0.25, 0.05
local HOUR_S = 3600

local b, fresh, generation

local function micros()
    local time = redis.call('TIME')
    return time[1] .. string.format('%06d', time[2])
end

local function run_id()
    return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end

local function count(of)
    local number = 0
    for _ in pairs(of) do number = number + 1 end
    return number
end

-- Nobody knows what was spent until now: all but what is held counts as spent, or as much as the
-- quota says.
local function forgotten(now)
    local margin_s = b.learned and b.learned.margin_s or q.margin_s
    local back_at = now + q.window_s + margin_s + q.straggler_s
    local held = count(b.held)
    local known = held
    for _, at in ipairs(b.returning) do
        if at > now then known = known + 1 end
    end
    local spent = math.min(q.threshold, math.max(q.unknown, known))
    b.returning = {}
    for place = 1, spent - held do b.returning[place] = back_at end
end

-- Whether memory was lost that nobody has accounted for: the server was started anew, another one
-- took over, or it was emptied.
local function lost()
    local mark, server = redis.call('GET', KEYS[2]), run_id()
    local run, before
    if mark then run, generation, before = string.match(mark, '^(%w*) (%w*) (%w*)$') end
    local seen = a.seen
    if run == server and (not seen or seen == generation or seen == before) then return false end
    local known = mark or seen or a.spent
    if run ~= server then
        before = generation
        generation = micros()
    end
    redis.call('SET', KEYS[2], table.concat({server, generation, seen or before or ''}, ' '))
    return known
end

local function load()
    local raw = redis.call('GET', KEYS[1])
    fresh = not raw
    b = raw and cmsgpack.unpack(raw) or {
        held = {}, returning = {}, waiting = {}, reopening = false, locked_until = -math.huge,
        opened_at = -math.huge, seen_at = -math.huge, ahead_s = 0,
    }
    b.turns = b.turns or {} -- one of an earlier version has none
    -- The server's clock, which goes on from where it was when it is set back, and no faster than
    -- the clock of who asks when it is set forward.
    local now = (a.now or tonumber(micros()) / 1000000) + b.ahead_s
    local late = a.latest and now - a.latest or 0
    local expired = fresh and late > HOUR_S / 2
    local bound = late > 0 and math.max(a.latest, b.seen_at) or math.max(now, b.seen_at)
    b.ahead_s = b.ahead_s + bound - now
    now = bound
    b.seen_at = now
    if lost() or expired then
        fresh = false
        forgotten(now)
    end
    return now
end

local function save(now)
    local idle_at = now
    if b.learned or b.reopening then idle_at = now + 30 * 24 * HOUR_S end
    for _, at in ipairs(b.returning) do idle_at = math.max(idle_at, at) end
    for _, at in pairs(b.held) do idle_at = math.max(idle_at, at) end
    local keep_ms = math.ceil((idle_at - now + HOUR_S) * 1000)
    redis.call('SET', KEYS[1], cmsgpack.pack(b), 'PX', string.format('%.0f', keep_ms))
end

local function capacity(now)
    local l = b.learned
    if not l then return q.threshold end
    local pause_s = HOUR_S * q.second_s * 2 ^ (l.strikes - 1)
    while now >= l.grown_at + pause_s do
        l.grown_at = l.grown_at + pause_s
        if l.capacity + 1 < l.ceiling or l.grown_at >= l.ceiling_until then
            l.capacity = l.capacity + 1
        end
    end
    if l.capacity >= q.threshold and now >= l.ceiling_until then b.learned = nil end
    return math.min(l.capacity, q.threshold)
end

local function period(now)
    capacity(now)
    return b.learned and q.window_s + b.learned.margin_s or q.period_s
end

local function insert(at)
    local place = #b.returning
    while place > 0 and b.returning[place] > at do place = place - 1 end
    table.insert(b.returning, place + 1, at)
end

local function forget(now)
    local left = {}
    for _, at in ipairs(b.returning) do
        if at > now then left[#left + 1] = at end
    end
    b.returning = left
    for token, at in pairs(b.held) do
        if at <= now then b.held[token] = nil end
    end
end

local function may_probe(now)
    if now < b.locked_until then return false end
    if b.probe and b.probe ~= a.token and (b.held[b.probe] or now) > now then return false end
    b.probe = a.token
    return true
end

local function take(now, ahead)
    local cap = capacity(now)
    local usable = cap - math.min(a.reserve, cap - 1)
    if ahead > 0 then usable = math.min(usable, cap - ahead) end
    if (b.held[a.token] or now) > now then return true end
    if count(b.held) + #b.returning >= usable then
        forget(now)
        if count(b.held) + #b.returning >= usable then return false end
    end
    if b.reopening and not may_probe(now) then return false end
    b.held[a.token] = now + a.lease_s
    return true
end

local function earliest(now)
    local cap = capacity(now)
    local usable = cap - math.min(a.reserve, cap - 1)
    local index = count(b.held) + #b.returning - usable
    if index < 0 then return now end
    local answered_now = now + period(now)
    local all = {}
    for _, at in ipairs(b.returning) do all[#all + 1] = at end
    for _, at in pairs(b.held) do all[#all + 1] = math.min(at, answered_now) end
    table.sort(all)
    return all[index + 1]
end

local function not_yet(now, ahead)
    if now < b.locked_until then return b.locked_until, b.locked_until, b.locked_until, true end
    if b.reopening and b.probe and b.held[b.probe] then
        local at = b.held[b.probe]
        return now, at, at, false
    end
    local first = earliest(now)
    local several_at = first
    local soon = first + math.min(SOON_S, q.window_s * SOON_SHARE)
    for _, at in ipairs(b.returning) do
        if at <= soon then several_at = math.max(first, at) end
    end
    if ahead > 0 and first <= now then return first, now + PASSING_S, now + PASSING_S, false end
    return first, first, several_at, false
end

local function note(again_at, people, given)
    if not a.asker then return end
    b.waiting[a.asker] = not a.bulk and people > 0 and {again_at + LATE_S, people} or nil
    if a.bulk then b.turns[a.asker] = {again_at + LATE_S, people, a.reserve, given} end
end

-- As in `turns.py`.
local function owed(now)
    local own, waiting, least, lowest = nil, {}, math.huge, math.huge
    for who, turn in pairs(b.turns) do
        if turn[2] > 0 and turn[1] > now then
            if who == a.asker then
                own = turn
            else
                waiting[who] = turn
                least = math.min(least, turn[4])
                if turn[3] <= a.reserve then lowest = math.min(lowest, turn[4]) end
            end
        end
    end
    for who, turn in pairs(b.turns) do
        if not waiting[who] and turn ~= own and turn[4] <= least then b.turns[who] = nil end
    end
    if least == math.huge then return 0, 0 end
    if lowest == math.huge then lowest = least end
    local idle = b.turns[a.asker]
    local given = own and own[4] or idle and math.max(idle[4], lowest) or lowest
    local others = 0
    for _, turn in pairs(waiting) do
        if turn[3] <= a.reserve and turn[4] < given then
            others = others + math.min(turn[2], given - turn[4])
        end
    end
    return given, others
end

local ops = {}

function ops.take(now)
    local ahead = 0
    for who, each in pairs(b.waiting) do
        if each[1] <= now then
            b.waiting[who] = nil
        elseif a.bulk and who ~= a.asker then
            ahead = ahead + each[2]
        end
    end
    local given, others = 0, 0
    if a.bulk and a.asker then given, others = owed(now) end
    if others > 0 then ahead = ahead + others + a.reserve end
    if take(now, ahead) then
        note(now, a.people - 1, given + 1)
        save(now)
        return {now = now, taken = true}
    end
    local first, again_at, several_at, locked = not_yet(now, ahead)
    again_at = math.min(again_at, now + a.longest_s)
    several_at = math.min(several_at, now + a.longest_s)
    note(several_at, a.people, given)
    save(now)
    return {now = now, taken = false, earliest = first, again_at = again_at,
            several_at = several_at, locked = locked}
end

ops['end'] = function(now)
    local held = b.held[a.token] ~= nil
    b.held[a.token] = nil
    if a.ending ~= 'never sent' then
        local at = now - a.ago_s + period(now)
        if a.ending == 'abandoned' then at = at + q.straggler_s end
        insert(at)
    end
    local sooner = held and a.ending == 'never sent'
    if b.reopening and b.probe == a.token then
        b.probe = nil
        if a.ending == 'answered' then
            b.reopening = false
            b.opened_at = now
        end
        sooner = true
    end
    save(now)
    return {now = now, sooner = sooner}
end

local function learn(now)
    local used = capacity(now)
    local l = b.learned
    local margin_s = l and l.margin_s or q.margin_s
    b.learned = {
        capacity = math.max(1, used - math.max(1, math.floor(used / 5))),
        margin_s = math.max(margin_s, math.min(math.max(2 * margin_s, q.second_s), q.window_s)),
        ceiling = used,
        ceiling_until = now + 24 * HOUR_S * q.second_s,
        strikes = l and l.strikes + 1 or 1,
        grown_at = b.locked_until,
    }
end

function ops.refuse(now)
    b.held[a.token] = nil
    insert(now + period(now))
    local first = not b.reopening and a.taken_at >= b.opened_at
    b.locked_until = math.max(b.locked_until, now + (a.wait_s or q.lock_s) + q.second_s)
    b.reopening = true
    if b.probe == a.token then b.probe = nil end
    if first then learn(now) end
    save(now)
    return {now = now, ['until'] = b.locked_until, first = first, capacity = capacity(now)}
end

function ops.look(now)
    forget(now)
    local leases = {}
    for _, at in pairs(b.held) do leases[#leases + 1] = at end
    local waiting = 0
    for _, each in pairs(b.waiting) do
        if each[1] > now then waiting = waiting + each[2] end
    end
    local cap = capacity(now)
    if not fresh then save(now) end
    return {now = now, capacity = cap, leases = leases, returns = b.returning,
            period_s = period(now), locked_until = b.locked_until, reopening = b.reopening,
            probe_until = b.probe and b.held[b.probe], waiting = waiting}
end

function ops.clear(now)
    -- The mark stays: without it, the bucket would count as lost, and so as spent.
    redis.call('DEL', KEYS[1])
    return {now = now}
end

local now = load()
local answer = ops[a.op](now)
answer.generation = generation
return cmsgpack.pack(answer)
