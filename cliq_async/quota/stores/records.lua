-- A note that several hosts share; see `notes.py`.
--
-- KEYS[1]: the note. ARGV[1]: the arguments, in MessagePack. Answers are in MessagePack, too. All
-- moments are the server's; what a client says and hears is how much time is left.

local a = cmsgpack.unpack(ARGV[1])
local time = redis.call('TIME')
local now = a.now or tonumber(time[1]) + tonumber(time[2]) / 1000000

local raw = redis.call('GET', KEYS[1])
local note = raw and cmsgpack.unpack(raw)
if note and note.ends_at <= now then note = nil end

local function write()
    local keep_ms = math.max(1, math.ceil(a.left_s * 1000))
    local packed = cmsgpack.pack({text = a.text, ends_at = now + a.left_s})
    redis.call('SET', KEYS[1], packed, 'PX', string.format('%.0f', keep_ms))
end

local ops = {}

function ops.read()
    if not note then return {found = false} end
    return {found = true, text = note.text, left_s = note.ends_at - now}
end

function ops.claim()
    if note and note.text ~= a.text then return {done = false} end
    write()
    return {done = true}
end

function ops.put()
    write()
    return {done = true}
end

function ops.drop()
    if note and note.text == a.text then redis.call('DEL', KEYS[1]) end
    return {done = true}
end

return cmsgpack.pack(ops[a.op]())
