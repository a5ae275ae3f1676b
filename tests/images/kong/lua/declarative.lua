-- Reads a declarative configuration (YAML or JSON) into services and routes.
-- Needs no nginx: the command line checks files with it.
local lyaml = require "lyaml"

local M = {}

local function set(words)
  local result = {}
  for word in words:gmatch "%S+" do result[word] = true end
  return result
end

local TOP = set [[_format_version _transform _comment _info services routes upstreams targets plugins consumers
  consumer_groups certificates ca_certificates snis vaults keys key_sets filter_chains acls basicauth_credentials
  hmacauth_credentials jwt_secrets keyauth_credentials oauth2_credentials parameters tags workspaces]]
local SERVICE = set [[id name url protocol host port path retries connect_timeout read_timeout write_timeout enabled
  tags routes plugins created_at updated_at client_certificate tls_verify tls_verify_depth ca_certificates
  tls_sans filter_chains]]
local ROUTE = set [[id name service paths hosts methods strip_path preserve_host protocols regex_priority tags plugins
  https_redirect_status_code path_handling request_buffering response_buffering created_at updated_at filter_chains]]
-- A route that is matched by these in Kong would match too much here.
local CANNOT = set [[headers snis sources destinations expression priority]]
-- Without effect on where a request goes.
local IGNORED = set [[plugins consumers upstreams certificates]]

local function is_list(value)
  if type(value) ~= "table" then return false end
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  return count == #value
end

-- lyaml's own null would be taken for a value.
local function without_null(value)
  if value == lyaml.null then return nil end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do copy[key] = without_null(item) end
  return copy
end

local PORTS = { http = 80, https = 443 }

local function read_url(service)
  local protocol, authority, path = service.url:match "^(%a+)://([^/]+)(.*)$"
  if not protocol then return false end
  local host, port = authority:match "^(.-):(%d+)$"
  service.protocol = protocol
  service.host = host or authority
  service.port = tonumber(port) or PORTS[protocol]
  service.path = path ~= "" and path or nil
  return true
end

-- Returns { services, routes, warnings }, or nil and a list of errors that
-- each name the place in the file.
function M.parse(text)
  local errors, warnings = {}, {}
  local function fail(...) errors[#errors + 1] = string.format(...) end
  local function warn(...) warnings[#warnings + 1] = string.format(...) end

  local ok, document = pcall(lyaml.load, text)
  if not ok then return nil, { "failed parsing: " .. tostring(document) } end
  document = without_null(document)
  if type(document) ~= "table" then return nil, { "expected an object" } end

  local version = tostring(document._format_version or "")
  if document._format_version == nil then
    fail "in '_format_version': required field missing"
  elseif version ~= "3.0" and version ~= "2.1" and version ~= "1.1" and version ~= "3" then
    fail("in '_format_version': expected one of: 1.1, 2.1, 3.0")
  end

  local services, routes, by_name = {}, {}, {}

  local function check_strings(list, where)
    if list == nil then return end
    if not is_list(list) then return fail("in '%s': expected an array", where) end
    for i, item in ipairs(list) do
      if type(item) ~= "string" then fail("in '%s[%d]': expected a string", where, i) end
    end
  end

  local function add_route(route, service, where)
    if type(route) ~= "table" then return fail("in '%s': expected an object", where) end
    for key in pairs(route) do
      if CANNOT[key] then
        fail("in '%s.%s': this stand-in for Kong cannot match by it", where, key)
      elseif not ROUTE[key] then
        fail("in '%s.%s': unknown field", where, key)
      end
    end
    if route.plugins then warn("%s.plugins: plugins do nothing in this stand-in for Kong", where) end
    for _, field in ipairs { "paths", "hosts", "methods", "protocols" } do
      check_strings(route[field], where .. "." .. field)
    end
    for i, path in ipairs(is_list(route.paths) and route.paths or {}) do
      if type(path) == "string" and not path:match "^[/~]" then
        fail("in '%s.paths[%d]': should start with: / (fixed path) or ~/ (regex path)", where, i)
      end
    end
    if not (route.paths or route.hosts or route.methods) then
      fail("in '%s': must set one of 'methods', 'hosts', 'paths'", where)
    end
    if route.strip_path == nil then route.strip_path = true end
    if route.preserve_host == nil then route.preserve_host = false end
    route.protocols = route.protocols or { "http", "https" }
    route.regex_priority = tonumber(route.regex_priority) or 0
    route.service_ref, route.service = service, nil
    route.where = where
    routes[#routes + 1] = route
  end

  local function entities(list, where, each)
    if list == nil then return end
    if not is_list(list) then return fail("in '%s': expected an array", where) end
    for i, item in ipairs(list) do each(item, string.format("%s[%d]", where, i)) end
  end

  for key in pairs(document) do
    if not TOP[key] then fail("in '%s': unknown field", key) end
    if IGNORED[key] then warn("%s: without effect in this stand-in for Kong", key) end
  end

  entities(document.services, "services", function(service, where)
    if type(service) ~= "table" then return fail("in '%s': expected an object", where) end
    for key in pairs(service) do
      if not SERVICE[key] then fail("in '%s.%s': unknown field", where, key) end
    end
    if service.plugins then warn("%s.plugins: plugins do nothing in this stand-in for Kong", where) end
    if service.url ~= nil then
      if type(service.url) ~= "string" or not read_url(service) then
        fail("in '%s.url': expected protocol://host[:port][/path]", where)
      end
      service.url = nil
    end
    service.protocol = service.protocol or "http"
    service.port = tonumber(service.port or 80)
    if not PORTS[service.protocol] then
      fail("in '%s.protocol': this stand-in for Kong only knows http and https", where)
    end
    if type(service.host) ~= "string" or service.host == "" then fail("in '%s.host': required field missing", where) end
    if not service.port or service.port < 0 or service.port > 65535 then
      fail("in '%s.port': value should be between 0 and 65535", where)
    end
    if service.path ~= nil and (type(service.path) ~= "string" or service.path:sub(1, 1) ~= "/") then
      fail("in '%s.path': should start with: /", where)
    end
    for _, key in ipairs { service.name or false, service.id or false } do
      if key and by_name[key] then fail("in '%s': '%s' is there already", where, tostring(key)) end
      if key then by_name[key] = service end
    end
    services[#services + 1] = service
    entities(service.routes, where .. ".routes", function(route, place) add_route(route, service, place) end)
    service.routes = nil
  end)

  entities(document.routes, "routes", function(route, where)
    local reference = type(route) == "table" and route.service or nil
    if type(reference) == "table" then reference = reference.name or reference.id end
    if reference and not by_name[reference] then
      fail("in '%s.service': no service '%s'", where, tostring(reference))
    end
    add_route(route, by_name[reference], where)
  end)

  local names = {}
  for _, route in ipairs(routes) do
    if route.name and names[route.name] then fail("in '%s.name': '%s' is there already", route.where, route.name) end
    if route.name then names[route.name] = true end
  end

  if #errors > 0 then return nil, errors end
  return { services = services, routes = routes, warnings = warnings }
end

return M
