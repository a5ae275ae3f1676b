-- What the command "kong" does outside of nginx.
local declarative = require "declarative"

local function die(message)
  io.stderr:write("Error: ", message, "\n")
  os.exit(1)
end

local function read_file(path)
  local file, problem = io.open(path, "rb")
  if not file then die("could not open " .. problem) end
  local text = file:read "*a"
  file:close()
  return text
end

local function check(text, name)
  local config, errors = declarative.parse(text)
  if not config then
    die(string.format("error parsing declarative config file %s:\n  %s", name, table.concat(errors, "\n  ")))
  end
  for _, warning in ipairs(config.warnings) do io.stderr:write("warning: ", warning, "\n") end
end

local function env(name, default)
  local value = os.getenv(name)
  return value ~= nil and value ~= "" and value or default
end

-- "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 ssl" without what has no
-- meaning here.
local function listeners(name, default)
  local asked = os.getenv(name)
  local result = {}
  for entry in env(name, default):gmatch "[^,]+" do
    local address = entry:match "%S+"
    if address and address ~= "off" then
      if (entry .. " "):match "%sssl%s" then
        if asked then io.stderr:write("warning: ", name, ": this stand-in for Kong has no TLS, not listening on ", address, "\n") end
      else
        result[#result + 1] = "listen " .. address .. ";"
      end
    end
  end
  return result
end

-- Docker's own resolver on a network with a name, the host's on the default one.
local function nameservers()
  local found = {}
  for line in io.lines "/etc/resolv.conf" do
    local address = line:match "^%s*nameserver%s+(%S+)"
    if address then found[#found + 1] = address:find(":", 1, true) and "[" .. address .. "]" or address end
  end
  return #found > 0 and table.concat(found, " ") or "127.0.0.11"
end

local function server(listen, access_log, body)
  if #listen == 0 then return "" end
  return string.format("  server {\n    %s\n    access_log %s;\n%s  }\n", table.concat(listen, "\n    "), access_log, body)
end

local PROXY = [[
    error_page 502 503 504 @failed;
    location / {
      set $target '';
      set $target_host '';
      set $target_prefix '';
      rewrite_by_lua_block { require("gateway").route() }
      proxy_pass $target;
      proxy_http_version 1.1;
      proxy_redirect off;
      proxy_ssl_server_name on;
      proxy_ssl_name $target_host;
      proxy_set_header Host $target_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Path $request_uri;
      proxy_set_header X-Forwarded-Prefix $target_prefix;
    }
    location @failed { content_by_lua_block { require("gateway").failed() } }
]]

local function nginx_conf()
  if env("KONG_DATABASE", "postgres") ~= "off" then
    die "this stand-in for Kong has no database: set KONG_DATABASE=off and KONG_DECLARATIVE_CONFIG"
  end
  local file, text = env "KONG_DECLARATIVE_CONFIG", env "KONG_DECLARATIVE_CONFIG_STRING"
  if file then
    check(read_file(file), file)
  elseif text then
    check(text, "in KONG_DECLARATIVE_CONFIG_STRING")
  end
  local prefix = env("KONG_PREFIX", "/usr/local/kong")
  local parts = {
    "include /etc/nginx/modules-enabled/*.conf;\n",
    string.format("pid %s/pids/nginx.pid;\n", prefix),
    -- One, so that a configuration posted to the admin API is everybody's.
    "worker_processes 1;\n",
    string.format("error_log %s %s;\n", env("KONG_PROXY_ERROR_LOG", "/dev/stderr"), env("KONG_LOG_LEVEL", "notice")),
    "env KONG_DECLARATIVE_CONFIG;\nenv KONG_DECLARATIVE_CONFIG_STRING;\n",
    "events { worker_connections 4096; }\nhttp {\n",
    "  lua_package_path '/usr/local/share/kong-stand-in/?.lua;;';\n",
    -- A recreated upstream has a new address at once; Docker says 600 s.
    string.format("  resolver %s valid=1s ipv6=off;\n  resolver_timeout 5s;\n", nameservers()),
  }
  for _, kind in ipairs { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" } do
    parts[#parts + 1] = string.format("  %s_temp_path %s/tmp/%s;\n", kind, prefix, kind)
  end
  parts[#parts + 1] = [[
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  client_max_body_size 0;
  underscores_in_headers on;
  server_tokens off;
  port_in_redirect off;
  default_type application/json;
  add_header Via kong-stand-in always;
  init_by_lua_block { require("gateway").load() }
]]
  parts[#parts + 1] = server(listeners("KONG_PROXY_LISTEN", "0.0.0.0:8000"), env("KONG_PROXY_ACCESS_LOG", "/dev/stdout"), PROXY)
  parts[#parts + 1] = server(listeners("KONG_ADMIN_LISTEN", "127.0.0.1:8001"), env("KONG_ADMIN_ACCESS_LOG", "/dev/stdout"),
    '    location / { content_by_lua_block { require("api").admin() } }\n')
  parts[#parts + 1] = server(listeners("KONG_STATUS_LISTEN", "127.0.0.1:8007"), env("KONG_STATUS_ACCESS_LOG", "off"),
    '    location / { content_by_lua_block { require("api").status() } }\n')
  parts[#parts + 1] = "}\n"
  io.write(table.concat(parts))
end

if arg[1] == "parse" then
  check(read_file(arg[2]), arg[2])
  print "parse successful"
else
  nginx_conf()
end
