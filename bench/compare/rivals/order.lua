-- wrk's orders: the bytes of the load generator's, with a fresh key and user each.
local number = 0
local run = os.time() % 0x10000
local format = string.format
local host = 'localhost:' .. (wrk.port or '3000')

function request()
  number = number + 1
  local id = format('%08x-%04x-4000-8000-%012x', number, run, number)
  local body = '{"productId":"iphone-15","userId":"' .. id .. '"}'
  return 'POST /order HTTP/1.1\r\nHost: ' .. host .. '\r\nUser-Agent: k6/1.8.1 (https://k6.io/)\r\n' ..
         'Content-Length: ' .. #body .. '\r\nContent-Type: application/json\r\n' ..
         'x-idempotency-key: ' .. id .. '\r\nAccept-Encoding: gzip\r\n\r\n' .. body
end
