-- Finds the route of a request by the order of Kong's router.
local declarative = require "declarative"
local cjson = require "cjson"

local M = { services = {}, routes = {}, hash = nil }

local candidates = {}
local hosts_file = {}

-- extra_hosts are only there, and nginx's resolver does not read it.
local function read_hosts_file()
  local found = {}
  local file = io.open("/etc/hosts")
  if not file then return found end
  for line in file:lines() do
    local address, names = line:gsub("#.*", ""):match "^%s*(%d+%.%d+%.%d+%.%d+)%s+(.*)$"
    for name in (names or ""):gmatch "%S+" do found[name:lower()] = found[name:lower()] or address end
  end
  file:close()
  return found
end

local function upper_set(list)
  if not list then return nil end
  local result = {}
  for _, item in ipairs(list) do result[item:upper()] = true end
  return result
end

local function split_hosts(list)
  if not list then return nil, nil end
  local plain, patterns = {}, {}
  for _, host in ipairs(list) do
    host = host:lower()
    if host:find("*", 1, true) then
      patterns[#patterns + 1] = "^" .. host:gsub("[%-%.%+%?%%%[%]%^%$%(%)]", "%%%0"):gsub("%*", ".+") .. "$"
    else
      plain[host] = true
    end
  end
  return plain, patterns
end

-- One candidate a path, sorted so that the first that matches is the one:
-- routes with more kinds of conditions, regex paths by priority, longer paths.
local function sort_out(routes)
  local list = {}
  for order, route in ipairs(routes) do
    local kinds = (route.paths and 1 or 0) + (route.hosts and 1 or 0) + (route.methods and 1 or 0)
    local plain, patterns = split_hosts(route.hosts)
    for _, path in ipairs(route.paths or { false }) do
      local regex = path and path:sub(1, 1) == "~"
      list[#list + 1] = {
        route = route, order = order, kinds = kinds, path = regex and path:sub(2) or path, regex = regex,
        methods = upper_set(route.methods), plain = plain, patterns = patterns,
        wildcards = patterns and #patterns > 0 and 1 or 0,
      }
    end
  end
  table.sort(list, function(a, b)
    if a.kinds ~= b.kinds then return a.kinds > b.kinds end
    if a.wildcards ~= b.wildcards then return a.wildcards < b.wildcards end
    if a.regex ~= b.regex then return a.regex and true or false end
    if a.regex and a.route.regex_priority ~= b.route.regex_priority then
      return a.route.regex_priority > b.route.regex_priority
    end
    if a.path and b.path and #a.path ~= #b.path and not a.regex then return #a.path > #b.path end
    if a.order ~= b.order then return a.order < b.order end
    return (a.path or "") < (b.path or "")
  end)
  return list
end

local function identifier(kind, entity, number)
  local hex = ngx.md5(kind .. (entity.name or number))
  return table.concat({ hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21) }, "-")
end

function M.use(text)
  local config, errors = declarative.parse(text)
  if not config then return nil, errors end
  for i, service in ipairs(config.services) do service.id = service.id or identifier("service", service, i) end
  for i, route in ipairs(config.routes) do route.id = route.id or identifier("route", route, i) end
  M.services, M.routes, M.hash = config.services, config.routes, ngx.md5(text)
  candidates = sort_out(config.routes)
  hosts_file = read_hosts_file()
  return true
end

function M.load()
  local path, text = os.getenv "KONG_DECLARATIVE_CONFIG", os.getenv "KONG_DECLARATIVE_CONFIG_STRING"
  if path and path ~= "" then
    local file, problem = io.open(path, "rb")
    if not file then error(problem) end
    text = file:read "*a"
    file:close()
  end
  if not text or text == "" then return end
  local ok, errors = M.use(text)
  if not ok then error(table.concat(errors, "; ")) end
end

local function answer(status, message)
  ngx.status = status
  ngx.header.content_type = "application/json; charset=utf-8"
  ngx.print(cjson.encode { message = message })
  return ngx.exit(status)
end

-- The part of the path that the candidate covers, or nil.
local function match_path(candidate, path)
  if not candidate.path then return "" end
  if candidate.regex then
    local from, to = ngx.re.find(path, candidate.path, "ajo")
    return from and path:sub(from, to)
  end
  return path:sub(1, #candidate.path) == candidate.path and candidate.path or nil
end

local function match_host(candidate, host)
  if not candidate.plain then return true end
  if candidate.plain[host] then return true end
  for _, pattern in ipairs(candidate.patterns) do
    if host:match(pattern) then return true end
  end
  return false
end

local function find(method, host, path)
  for _, candidate in ipairs(candidates) do
    if (not candidate.methods or candidate.methods[method]) and match_host(candidate, host) then
      local covered = match_path(candidate, path)
      if covered then return candidate.route, covered end
    end
  end
end

local function join(base, rest)
  base = base or "/"
  if rest == "" then return base end
  if base:sub(-1) == "/" then return base .. rest:gsub("^/", "") end
  return base .. (rest:sub(1, 1) == "/" and rest or "/" .. rest)
end

function M.route()
  local path, query = ngx.var.request_uri:match "^([^?]*)(.*)$"
  -- "GET http://host/path", as clients of a forward proxy ask.
  path = path:gsub("^%a[%w+.-]*://[^/]*", "")
  if path == "" then path = "/" end
  local route, covered = find(ngx.req.get_method(), ngx.var.host:lower(), path)
  if not route then return answer(404, "no Route matched with those values") end
  local plain = false
  for _, protocol in ipairs(route.protocols) do plain = plain or protocol == "http" end
  if not plain then return answer(426, "Please use HTTPS protocol") end
  local service = route.service_ref
  if not service or service.enabled == false then
    return answer(service and 404 or 503, service and "no Route matched with those values" or "no Service found with those values")
  end

  local rest = path
  if route.strip_path then
    rest = path:sub(#covered + 1)
    if covered ~= "" and covered ~= "/" then ngx.var.target_prefix = covered end
  end
  local default = (service.protocol == "https" and 443 or 80) == service.port
  local address = hosts_file[service.host:lower()] or service.host
  ngx.var.target = string.format("%s://%s:%d%s%s", service.protocol, address, service.port, join(service.path, rest), query)
  if route.preserve_host then
    ngx.var.target_host = ngx.var.http_host or service.host
  else
    ngx.var.target_host = default and service.host or service.host .. ":" .. service.port
  end
end

function M.failed()
  -- No address was ever tried: the name was unknown.
  local tried = ngx.var.upstream_addr
  if ngx.status == 502 and (not tried or tried == "") then return answer(503, "name resolution failed") end
  if ngx.status == 504 then return answer(504, "The upstream server is timing out") end
  if ngx.status == 503 then return answer(503, "The upstream server is currently unavailable") end
  return answer(502, "An invalid response was received from the upstream server")
end

return M
