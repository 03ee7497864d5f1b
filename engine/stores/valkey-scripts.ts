/** What Valkey does in one step, by its own clock, so that gateways whose clocks differ agree. The same rules as counters-memory.ts. */

/** Arguments by key: amount, limit, window. Reply: the refused claim (0 = none), then by key: used, end of the window, time until then. */
export const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local windows, refused = {}, 0
for index, key in ipairs(KEYS) do
  local limit, length = tonumber(ARGV[index * 3 - 1]), tonumber(ARGV[index * 3])
  local kept = redis.call('HMGET', key, 'used', 'ends', 'debt')
  local used, ends, debt = tonumber(kept[1]) or 0, tonumber(kept[2]), tonumber(kept[3]) or 0
  if not ends then
    used, ends, debt = 0, now + length, 0
  elseif now >= ends then
    local passed = math.floor((now - ends) / length) + 1
    used = math.max(0, used - limit * passed)
    debt = used
    if used == 0 then ends = now + length else ends = ends + passed * length end
  end
  if refused == 0 and used >= limit then refused = index end
  windows[index] = { used, ends, debt }
end
local reply = { refused }
for index, key in ipairs(KEYS) do
  local amount, limit, length = tonumber(ARGV[index * 3 - 2]), tonumber(ARGV[index * 3 - 1]), tonumber(ARGV[index * 3])
  local used, ends, debt = windows[index][1], windows[index][2], windows[index][3]
  if refused == 0 then
    used = used + amount
    redis.call('HSET', key, 'used', used, 'ends', ends, 'debt', debt)
    redis.call('PEXPIRE', key, ends - now + math.ceil(math.max(0, used - limit) / limit) * length)
  end
  reply[#reply + 1] = used
  reply[#reply + 1] = ends
  reply[#reply + 1] = ends - now
end
return reply`;

/** Arguments by key: what was used beyond the amount taken (or less), and the end of the window that it was taken in. */
export const settleScript = `
for index, key in ipairs(KEYS) do
  local delta, taken = tonumber(ARGV[index * 2 - 1]), tonumber(ARGV[index * 2])
  local kept = redis.call('HMGET', key, 'used', 'ends', 'debt')
  local used, ends, debt = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
  if used then
    if ends == taken or delta > 0 then
      redis.call('HSET', key, 'used', math.max(0, used + delta))
    else
      local back = math.min(-delta, debt)
      redis.call('HSET', key, 'used', used - back, 'debt', debt - back)
    end
  end
end
return {}`;
