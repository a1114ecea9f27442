-- SPDX-License-Identifier: GPL-2.0-or-later
-- Rotates the logs of all resources on all hosts of the cluster, and deletes those that nobody needs any more; all hosts
-- at the same time. Prints a line for each host, and a summary. Status: 0, 1 when a host failed, 2 for wrong names.
--   marsadm lua rotate_logs.lua                    all hosts
--   marsadm --timeout=60 lua rotate_logs.lua a b   these, with a deadline for each verb
local known = {}
for _, host in ipairs(mars.hosts()) do known[host] = true end

local hosts = #arg > 0 and { table.unpack(arg) } or mars.hosts()
for _, host in ipairs(hosts) do
  if not known[host] then
    mars.log("error", host .. " is no host of this cluster")
    os.exit(2)
  end
end

-- What a verb has said: the whole output of another host, a list of messages here.
local function rotated(result)
  local text = result.answer .. " " .. table.concat(result.info or {}, " ")
  local logs = {}
  for log in text:gmatch("rotating to (%S+)") do logs[#logs + 1] = log end
  return #logs > 0 and table.concat(logs, " ") or "nothing to rotate"
end

local done, failed = mars.each(hosts, function(host)
  local there = mars.on(host)
  local result, why = there.log_rotate("all")
  if not result then return nil, "log-rotate: " .. why end
  local deleted, why_not = there.log_delete_all("all")
  if not deleted then return nil, "log-delete-all: " .. why_not end
  return rotated(result)
end)

for _, host in ipairs(hosts) do
  if done[host] then print(host .. ": " .. done[host]) end
end
local bad = 0
for host, why in pairs(failed) do
  bad = bad + 1
  mars.log("error", host .. ": " .. why)
end
print(string.format("%d of %d hosts are done", #hosts - bad, #hosts))
os.exit(bad > 0 and 1 or 0)
