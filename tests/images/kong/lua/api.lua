-- The admin API, as far as it reads, and the status API.
local gateway = require "gateway"
local cjson = require "cjson"

local M = {}

local function send(status, body)
  ngx.status = status
  ngx.header.content_type = "application/json; charset=utf-8"
  ngx.print(type(body) == "string" and body or cjson.encode(body))
  return ngx.exit(status)
end

local function or_null(value)
  if value == nil then return cjson.null end
  return value
end

local function show_service(service)
  return cjson.encode {
    id = service.id, name = or_null(service.name), protocol = service.protocol, host = service.host,
    port = service.port, path = or_null(service.path), enabled = service.enabled ~= false,
    tags = or_null(service.tags),
  }
end

local function show_route(route)
  return cjson.encode {
    id = route.id, name = or_null(route.name), paths = or_null(route.paths), hosts = or_null(route.hosts),
    methods = or_null(route.methods), protocols = route.protocols, strip_path = route.strip_path,
    preserve_host = route.preserve_host, regex_priority = route.regex_priority, tags = or_null(route.tags),
    service = route.service_ref and { id = route.service_ref.id } or cjson.null,
  }
end

-- By hand, because cjson writes an empty list as an object.
local function send_list(entities, show)
  local shown = {}
  for i, entity in ipairs(entities) do shown[i] = show(entity) end
  return send(200, '{"data":[' .. table.concat(shown, ",") .. '],"next":null}')
end

local function named(entities, key)
  for _, entity in ipairs(entities) do
    if entity.name == key or entity.id == key then return entity end
  end
end

local function status()
  return send(200, {
    configuration_hash = gateway.hash or ("0"):rep(32),
    database = { reachable = true },
    server = {
      connections_active = tonumber(ngx.var.connections_active) or 0,
      connections_reading = tonumber(ngx.var.connections_reading) or 0,
      connections_writing = tonumber(ngx.var.connections_writing) or 0,
      connections_waiting = tonumber(ngx.var.connections_waiting) or 0,
    },
  })
end

local function post_config()
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  if not text then
    local path = ngx.req.get_body_file()
    local file = path and io.open(path, "rb")
    text = file and file:read "*a" or ""
    if file then file:close() end
  end
  local is_json, body = pcall(cjson.decode, text)
  if is_json and type(body) == "table" and type(body.config) == "string" then text = body.config end
  local ok, errors = gateway.use(text)
  if not ok then
    return send(400, { code = 14, name = "invalid declarative configuration",
      message = "declarative config is invalid: " .. table.concat(errors, "; ") })
  end
  return send(201, { configuration_hash = gateway.hash })
end

function M.admin()
  local method, path = ngx.req.get_method(), ngx.var.uri:gsub("(.)/$", "%1")
  if path == "/config" and method == "POST" then return post_config() end
  if method ~= "GET" and method ~= "HEAD" then
    return send(405, { message = "cannot create, update, or delete entities when not using a database" })
  end
  if path == "/" then
    return send(200, { version = "3.9", tagline = "stand-in: nginx in place of Kong", configuration = { database = "off" } })
  end
  if path == "/status" then return status() end
  if path == "/services" then return send_list(gateway.services, show_service) end
  if path == "/routes" then return send_list(gateway.routes, show_route) end

  local kind, key, below = path:match "^/(%a+)/([^/]+)(.*)$"
  if kind == "routes" and below == "" then
    local route = named(gateway.routes, key)
    if route then return send(200, show_route(route)) end
  elseif kind == "services" then
    local service = named(gateway.services, key)
    if service and below == "" then return send(200, show_service(service)) end
    if service and below == "/routes" then
      local routes = {}
      for _, route in ipairs(gateway.routes) do
        if route.service_ref == service then routes[#routes + 1] = route end
      end
      return send_list(routes, show_route)
    end
  end
  return send(404, { message = "Not found" })
end

function M.status()
  local path = ngx.var.uri:gsub("(.)/$", "%1")
  if path == "/status" then return status() end
  if path == "/status/ready" then
    if not gateway.hash then
      return send(503, { message = "no configuration available (empty configuration present)" })
    end
    return send(200, { message = "ready" })
  end
  return send(404, { message = "Not found" })
end

return M
