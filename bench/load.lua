-- For wrk, after `--`: METHOD CONTENT_TYPE BODY_FILE [TOKENS_FILE]. With a file of tokens, each request has the next one.

function init(args)
  wrk.method = args[1]
  if args[3] ~= '' then
    wrk.body = io.open(args[3], 'rb'):read('*a')
    wrk.headers['content-type'] = args[2]
  end
  if not args[4] then return end

  local requests, at = {}, 0
  for token in io.lines(args[4]) do
    wrk.headers['authorization'] = 'Bearer ' .. token
    requests[#requests + 1] = wrk.format()
  end
  -- Only here: when there is none, wrk sends the same bytes without asking.
  function request()
    at = at % #requests + 1
    return requests[at]
  end
end
