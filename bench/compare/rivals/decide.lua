-- The decision in Redis: key seen? → sold out? → take a unit and remember the key.
-- KEYS: the product's stock, the user's key. ARGV: quantity. Returns 0, or the order's number.
local seen = redis.call('GET', KEYS[2])
if seen then return tonumber(seen) end
local stock = tonumber(redis.call('GET', KEYS[1]) or '0')
local quantity = tonumber(ARGV[1])
if stock < quantity then return 0 end
redis.call('DECRBY', KEYS[1], quantity)
local order = redis.call('INCR', 'orders')
redis.call('SET', KEYS[2], order, 'EX', 86400)
redis.call('XADD', 'queue', '*', 'order', order, 'key', KEYS[2], 'quantity', quantity)
return order
