-- For wrk: POST the lines of a file in turn to a path; the last line of the output is JSON.
-- Usage: wrk … -s http_load.lua URL -- PATH FILE

local requests, count, turn = {}, 0, 0

function init(arguments)
  local headers = { ["Content-Type"] = "application/json" }
  for body in io.lines(arguments[2]) do
    count = count + 1
    requests[count] = wrk.format("POST", arguments[1], headers, body)
  end
end

function request()
  turn = turn % count + 1
  return requests[turn]
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{"requests": %d, "seconds": %f, "errors": %d}',
    summary.requests, summary.duration / 1e6, failed))
end
