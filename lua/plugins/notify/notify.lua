-- SPDX-License-Identifier: GPL-2.0-or-later
local settings = plugin.tunables

-- States by which somebody should be woken.
local bad_words = { "InConsistent", "Defective", "Orphan", "Emergency", "DISK_ERROR", "IncompleteLog", "Unreachable",
  "UnResponsive", "silent", "HandoverUnfinished", "WantedNotRunning", "WantedElsewhere" }

local function priority(event)
  if event.name:match("%.failed$") then return "err" end
  for _, word in ipairs(bad_words) do
    if (event.new or ""):find(word, 1, true) then return "err" end
  end
  return "notice"
end

local function describe(event)
  local where = event.resource ~= "" and "resource " .. event.resource or ""
  if event.host ~= "" then where = where .. (where ~= "" and " " or "") .. "host " .. event.host end
  if event.text then return ("%s: %s: %s [%s]"):format(where, event.name, event.text, event.reason or "") end
  if event.new then
    local name = event.name:gsub("^state%.", "")
    local absent = (name == "handover" or name == "application") and "none" or "unknown"
    local function said(value) return value ~= "" and value or absent end
    return ("%s: %s is now %s, was %s"):format(where, name, said(event.new), said(event.old))
  end
  return ("%s: %s"):format(where, event.name)
end

local function run(argv, input)
  local result, why = mars.sh(nil, argv, { input = input, timeout = settings.timeout })
  if not result then return nil, why end
  if result.status ~= 0 then
    return nil, ("%s ended with status %d: %s"):format(argv[1], result.status, (result.stderr:gsub("%s+$", "")))
  end
  return true
end

local channels = {}

function channels.syslog(event, text)
  local argv = { "logger", "-t", settings["syslog-tag"], "-p", settings["syslog-facility"] .. "." .. priority(event) }
  if settings["syslog-socket"] ~= "" then
    argv[#argv + 1] = "--socket"
    argv[#argv + 1] = settings["syslog-socket"]
  end
  argv[#argv + 1] = "--"
  argv[#argv + 1] = text
  return run(argv)
end

-- One line, whatever a value contains.
local function header(text) return (text:gsub("[%c]+", " ")) end

function channels.mail(event, text)
  local lines = {
    "To: " .. header(settings["mail-to"]),
    "Subject: " .. header("[mars " .. mars.host() .. "] " .. text:sub(1, 150)),
    "Content-Type: text/plain; charset=utf-8",
    "Auto-Submitted: auto-generated",
  }
  if settings["mail-from"] ~= "" then table.insert(lines, 1, "From: " .. header(settings["mail-from"])) end
  lines[#lines + 1] = ""
  lines[#lines + 1] = text
  lines[#lines + 1] = ""
  local names = {}
  for name in pairs(event) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = tostring(event[name])
    if value ~= "" then lines[#lines + 1] = name .. ": " .. value end
  end
  return run({ settings.sendmail, "-t", "-i" }, table.concat(lines, "\n") .. "\n")
end

function channels.webhook(event, text)
  if settings["webhook-url"] == "" then return nil, "notify.webhook-url is not set" end
  local body = { sender = mars.host(), text = text, priority = priority(event), event = event.name }
  for _, name in ipairs({ "resource", "host", "old", "new", "verb", "reason" }) do body[name] = event[name] end
  -- The configuration goes to curl by stdin: neither secret nor content is seen in the list of processes.
  local function quoted(value) return '"' .. value:gsub('[\\"]', "\\%0"):gsub("[\r\n]", " ") .. '"' end
  local config = {
    "url = " .. quoted(settings["webhook-url"]),
    "header = " .. quoted("Content-Type: application/json"),
    "data-raw = " .. quoted(mars.json(body)),
    "silent", "show-error", "fail",
    "max-time = " .. math.max(1, math.floor(settings.timeout)),
    'output = "/dev/null"',
  }
  if settings["webhook-header"] ~= "" then config[#config + 1] = "header = " .. quoted(settings["webhook-header"]) end
  return run({ settings["webhook-program"], "--disable", "--config", "-" }, table.concat(config, "\n") .. "\n")
end

local function matches(pattern, name)
  local lua_pattern = pattern:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return name:match("^" .. lua_pattern .. "$") ~= nil
end

local function is_wanted(event)
  for pattern in settings.events:gmatch("%S+") do
    if matches(pattern, event.name) then return true end
  end
  return false
end

local function wanted_channels()
  local names = {}
  for name in settings.channels:gmatch("%S+") do names[#names + 1] = name end
  return names
end

-- Sends on all channels at once. Returns the names that took it, and a text of what went wrong.
local function send(event)
  local text = describe(event)
  local good, bad_ones = mars.each(wanted_channels(), function(name)
    local channel = channels[name]
    if not channel then return nil, "there is no such channel; possible are syslog, mail, webhook" end
    return channel(event, text)
  end)
  local troubles = {}
  for name, why in pairs(bad_ones) do troubles[#troubles + 1] = name .. ": " .. why end
  table.sort(troubles)
  return good, table.concat(troubles, "; ")
end

local function tell(event)
  if not is_wanted(event) then return end
  local _, trouble = send(event)
  if trouble ~= "" then return nil, trouble end
end

local functions = { state = tell, failed = tell, done = tell }

function functions.test()
  local good, trouble = send({ name = "notify.test", resource = "", host = mars.host(), new = "a test", old = "" })
  if trouble ~= "" then return nil, trouble end
  local names = {}
  for name in pairs(good) do names[#names + 1] = name end
  table.sort(names)
  return #names == 0 and "no channel is set (notify.channels)" or "sent: " .. table.concat(names, " ")
end

return functions
