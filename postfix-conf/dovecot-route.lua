-- dovecot-route - asks postshift-policyd at each login, and for each LMTP recipient, where the mailbox is.
--
-- For Dovecot 2.4, which has no passdb dict any more; needs the packages dovecot-auth-lua and lua-socket:
--
--     passdb lua {
--       lua_file = /usr/share/postshift/dovecot-route.lua
--     }
--     auth_cache_size = 0
--
-- What policyd answers is handed on as it is.  Any trouble is a failure for the moment, never "unknown user".

local socket_path = "/run/postshift/dict.sock"
local seconds = 5

local unix = require("socket.unix")

local escapes = { ["\0"] = "\0010", ["\1"] = "\0011", ["\t"] = "\001t", ["\r"] = "\001r", ["\n"] = "\001n" }
local unescapes = { ["0"] = "\0", ["1"] = "\1", t = "\t", r = "\r", n = "\n" }

local function escape(text)
  return (text:gsub("[%z\1\t\r\n]", escapes))
end

-- One line, "O{...}", "N" or "Ftext"; nil and why.
local function ask(key)
  local dict = unix()
  dict:settimeout(seconds)
  local connected, why = dict:connect(socket_path)
  if not connected then
    dict:close()
    return nil, why
  end
  local line
  _, why = dict:send("H3\t2\t0\t\tcutover\nLshared/route/" .. escape(key) .. "\t\n")
  if not why then
    line, why = dict:receive("*l")
  end
  dict:close()
  return line and line:gsub("\1(.)", unescapes) or nil, why
end

-- An object of texts, which is all that policyd writes.
local function fields_of(object)
  local fields = {}
  for name, value in object:gmatch('"([%w_]+)":"(.-[^\\])"') do
    fields[name] = value:gsub("\\u00(%x%x)", function(code) return string.char(tonumber(code, 16)) end):gsub("\\(.)", "%1")
  end
  return fields
end

function auth_passdb_lookup(request)
  local line, why = ask((request.protocol or request.service) .. "/" .. request.user)
  if not line then
    return dovecot.auth.PASSDB_RESULT_INTERNAL_FAILURE, "postshift-policyd: " .. tostring(why)
  end
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "O" then
    return dovecot.auth.PASSDB_RESULT_OK, fields_of(rest)
  elseif kind == "N" then
    return dovecot.auth.PASSDB_RESULT_USER_UNKNOWN, "not a domain of postshift-policyd"
  end
  return dovecot.auth.PASSDB_RESULT_INTERNAL_FAILURE, "postshift-policyd: " .. rest
end

function script_init()
  return 0
end

function script_deinit()
end
