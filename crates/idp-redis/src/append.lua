-- Appends messages of one stream of messages, in order, up to the first that cannot be appended,
-- unless a newer epoch was here. Nothing else runs meanwhile.
--
-- Steps are sent without waiting for the one before: each names the one that must have been the
-- last, as a whole, or nothing of it is done.
--
-- KEYS: the key of the state, then the stream keys that messages go to.
-- ARGV: the epoch; how many entries to keep, 0 for all; the name of this step; the name of the step
--       that must have been the last, empty if any may; how many messages; then for each message:
--       which of KEYS, its number, how many arguments follow, fields and values.
-- Gives how many messages are stored, from the first; a word; and what it is about.

-- Numbers may be larger than a double holds exactly: as decimals without leading zeros they compare
-- by length first.
local function is_less(one, other)
  return #one < #other or (#one == #other and one < other)
end

local epoch, entries_max, step, before = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local count = tonumber(ARGV[5])
local state = redis.call('HMGET', KEYS[1], 'epoch', 'step')
if state[1] and is_less(epoch, state[1]) then
  return {0, 'FENCED', state[1]}
end
if before ~= '' and before ~= state[2] then
  return {0, 'BROKEN', ''}
end
if state[1] ~= epoch then
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end

local function field(fields, first, last, name)
  for at = first, last, 2 do
    if fields[at] == name then
      return fields[at + 1]
    end
  end
end

local at = 6
for done = 0, count - 1 do
  local key, id = KEYS[tonumber(ARGV[at])], ARGV[at + 1] .. '-0'
  local first, last = at + 3, at + 2 + tonumber(ARGV[at + 2])
  local reply
  if entries_max == '0' then
    reply = redis.pcall('XADD', key, id, unpack(ARGV, first, last))
  else
    reply = redis.pcall('XADD', key, 'MAXLEN', '~', entries_max, id, unpack(ARGV, first, last))
  end
  if type(reply) == 'table' and reply.err then
    if not string.find(reply.err, 'equal or smaller', 1, true) then
      return {done, 'FAILED', reply.err}
    end
    -- It is there already, or was. If it still is, it had better be the same.
    local entry = redis.call('XRANGE', key, id, id)[1]
    if entry then
      local event = field(ARGV, first, last, 'ce_id')
      if field(entry[2], 1, #entry[2], 'ce_id') ~= event then
        return {done, 'TAKEN', id}
      end
    end
  end
  at = last + 1
end
redis.call('HSET', KEYS[1], 'step', step)
return {count, 'DONE', ''}
