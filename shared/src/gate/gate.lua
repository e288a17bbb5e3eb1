-- One question for all that stands before a handler.
-- KEYS: what is known of the caller, as many as ARGV[1] says; then the buckets.
-- ARGV: for each bucket the microseconds between two requests at its steady rate, and its burst.
-- Each bucket holds the time at which it will be full again (GCRA). Either all of them count the
-- request or none does. The clock is the server's: those of the callers may differ.
local known = tonumber(ARGV[1])
local answer = {}
for i = 1, known do
    answer[i] = redis.call('GET', KEYS[i])
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local refused, full = false, {}
for i = known + 1, #KEYS do
    local at = 2 * (i - known)
    local interval, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local before = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now)
    local after = before + interval
    local wait = after - burst * interval - now
    if wait > 0 then
        refused = true
        after = before
    else
        wait = 0
    end
    full[i] = after
    -- What is left, when it is full again, how long until there is room for one.
    answer[#answer + 1] = math.max(0, math.floor((burst * interval - (after - now)) / interval))
    answer[#answer + 1] = math.ceil((after - now) / 1000)
    answer[#answer + 1] = math.ceil(wait / 1000)
end
if not refused then
    for i = known + 1, #KEYS do
        local life = math.ceil((full[i] - now) / 1000)
        redis.call('SET', KEYS[i], string.format('%.0f', full[i]), 'PX', math.max(1, life))
    end
end
return answer
