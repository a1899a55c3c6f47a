-- Appends messages of one stream of messages, in order, up to the first that cannot be appended,
-- unless a newer epoch was here. Nothing else runs meanwhile.
--
-- KEYS: the key of the epoch, then the stream keys that messages go to.
-- ARGV: the epoch; how many entries to keep, 0 for all; 1 to write in any case; how many messages;
--       then for each message: which of KEYS, its number, how many arguments follow, fields and
--       values.
-- Gives how many messages are stored, from the first; a word; and what it is about.

-- Numbers may be larger than a double holds exactly: as decimals without leading zeros they compare
-- by length first.
local function is_less(one, other)
  return #one < #other or (#one == #other and one < other)
end

local epoch, entries_max, count = ARGV[1], ARGV[2], tonumber(ARGV[4])
local newest = redis.call('GET', KEYS[1])
if newest and is_less(epoch, newest) then
  return {0, 'FENCED', newest}
end
if newest ~= epoch or ARGV[3] == '1' then
  redis.call('SET', KEYS[1], epoch)
end

local function field(fields, first, last, name)
  for at = first, last, 2 do
    if fields[at] == name then
      return fields[at + 1]
    end
  end
end

local at = 5
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
return {count, 'DONE', ''}
