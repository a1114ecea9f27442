-- SPDX-License-Identifier: GPL-2.0-or-later
local settings = plugin.tunables

local function systemctl(...)
  local result, why = mars.sh(nil, { settings.systemctl, ... }, { timeout = settings.timeout })
  if not result then return nil, why end
  return result
end

-- As `systemd-escape` does, so that any name can be an instance: "web-01" is "web\x2d01".
local function escape(text)
  return (text:gsub("[^%w:_.]", function(byte) return ("\\x%02x"):format(byte:byte()) end):gsub("^%.", "\\x2e"))
end

local function matches(pattern, name)
  local lua_pattern = pattern:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return name:match("^" .. lua_pattern .. "$") ~= nil
end

-- The units that the setting `units` names for an event, in its order.
local function units_for(event)
  local values = { e = event.name, r = event.resource, h = event.host }
  local units = {}
  for pattern, unit in settings.units:gmatch("([^%s=]+)=(%S+)") do
    if matches(pattern, event.name) then
      units[#units + 1] = unit:gsub("%%([erh])", function(letter) return escape(values[letter] or "") end)
    end
  end
  return units
end

local functions = {}

-- They are only started: how they end is for systemd to tell.
function functions.start_units(event)
  for _, unit in ipairs(units_for(event)) do
    local result, why = systemctl("start", "--no-block", "--", unit)
    if not result then return nil, why end
    if result.status ~= 0 then return nil, unit .. ": " .. (result.stderr:gsub("%s+$", "")) end
  end
end

local function state_of(unit)
  local result, why = systemctl("show", "--value", "--property=ActiveState", "--", unit)
  if not result then return nil, why end
  return (result.stdout:gsub("%s+$", ""))
end

function functions.status(call)
  local words = {}
  for unit in tostring(mars.get(call.resource, "systemd-unit")):gmatch("%S+") do
    local state, why = state_of(unit)
    if not state then return nil, why end
    words[#words + 1] = unit .. " " .. state
  end
  if #words == 0 then return call.resource .. ": no units" end
  local want = mars.get_systemd_want(call.resource)
  return ("%s: wanted on %s: %s"):format(call.resource, tostring(want), table.concat(words, ", "))
end

return functions
