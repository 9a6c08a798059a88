-- For wrk, after `--`: METHOD BODY_BYTES [TOKENS_FILE]. With a file of tokens, each request has the next one.

function init(args)
  wrk.method = args[1]
  local bytes = tonumber(args[2])
  if bytes > 0 then
    wrk.body = string.rep('x', bytes)
    wrk.headers['content-type'] = 'application/octet-stream'
  end
  if not args[3] then return end

  local requests, at = {}, 0
  for token in io.lines(args[3]) do
    wrk.headers['authorization'] = 'Bearer ' .. token
    requests[#requests + 1] = wrk.format()
  end
  -- Only here: when there is none, wrk sends the same bytes without asking.
  function request()
    at = at % #requests + 1
    return requests[at]
  end
end
