#include "proxies/proxy.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/free_port.hpp"
#include "support/http_client.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::chrono::seconds start_time_max{30};

// What a configuration is made of: @PORT@, @SERVER@, @TOKEN@ and @FOLDER@ are filled in.

// Request buffering off: bodies pass as they come, chunks as chunks.
constexpr std::string_view nginx_conf = R"(
daemon off;
master_process off;
pid @FOLDER@/pid;
error_log stderr crit;
events { worker_connections 256; }
http {
  access_log off;
  underscores_in_headers on;
  client_body_temp_path @FOLDER@/body;
  proxy_temp_path @FOLDER@/proxy;
  fastcgi_temp_path @FOLDER@/fastcgi;
  uwsgi_temp_path @FOLDER@/uwsgi;
  scgi_temp_path @FOLDER@/scgi;
  upstream server { server 127.0.0.1:@SERVER@; keepalive 1; }
  server {
    listen 127.0.0.1:@PORT@;
    location / {
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_ignore_client_abort on;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer @TOKEN@";
    }
  }
}
)";

constexpr std::string_view haproxy_conf = R"(
global
  maxconn 256
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend front
  bind 127.0.0.1:@PORT@
  default_backend back
backend back
  http-request set-header Authorization "Bearer @TOKEN@"
  server server 127.0.0.1:@SERVER@ maxconn 1 pool-max-conn 1
)";

constexpr std::string_view apache_conf = R"(
ServerRoot @FOLDER@
ServerName localhost
PidFile @FOLDER@/pid
DefaultRuntimeDir @FOLDER@
Listen 127.0.0.1:@PORT@
ErrorLog /dev/stderr
LogLevel crit
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
StartServers 1
ServerLimit 1
ThreadsPerChild 4
MaxRequestWorkers 4
MinSpareThreads 1
MaxSpareThreads 4
User www-data
Group www-data
AllowEncodedSlashes NoDecode
RequestHeader set Authorization "Bearer @TOKEN@"
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:@SERVER@/ max=1 keepalive=On nocanon
)";

// It caches nothing, so that everything reaches the server.
constexpr std::string_view varnish_conf = R"(vcl 4.1;
backend server { .host = "127.0.0.1"; .port = "@SERVER@"; .max_connections = 1; }
sub vcl_recv {
  set req.http.Authorization = "Bearer @TOKEN@";
  if (req.method == "CONNECT" || req.method == "PRI") { return (synth(405)); }
  return (pass);
}
)";

std::string filled_in(std::string_view text, std::string_view name, const std::string& value) {
  std::string result(text);
  for (std::size_t at = result.find(name); at != std::string::npos; at = result.find(name, at)) {
    result.replace(at, name.size(), value);
  }
  return result;
}

struct Kind {
  std::string program;
  std::string_view conf;
  std::vector<std::string> arguments;
};

Kind kind_of(std::string_view name, const std::string& folder, const std::string& port) {
  const std::string conf = folder + "/conf";
  if (name == "nginx") {
    return {"/usr/sbin/nginx", nginx_conf, {"-c", conf, "-p", folder, "-e", "stderr"}};
  }
  if (name == "haproxy") return {"/usr/sbin/haproxy", haproxy_conf, {"-db", "-f", conf}};
  if (name == "apache") return {"/usr/sbin/apache2", apache_conf, {"-DFOREGROUND", "-f", conf}};
  if (name == "varnish") {
    return {"/usr/sbin/varnishd",
            varnish_conf,
            {"-F", "-j", "none", "-f", conf, "-n", folder + "/varnish", "-a", "127.0.0.1:" + port,
             "-s", "malloc,16m", "-p", "thread_pools=1", "-p", "thread_pool_min=10"}};
  }
  throw std::runtime_error("no such proxy: " + std::string(name));
}

}  // namespace

std::unique_ptr<Proxy> Proxy::start(std::string_view kind, std::uint16_t server_port,
                                    const std::string& token) {
  std::unique_ptr<Proxy> proxy(new Proxy());
  const std::string folder = proxy->folder_.path().string();
  proxy->port_ = free_port();
  const std::string port = std::to_string(proxy->port_);
  const Kind facts = kind_of(kind, folder, port);
  if (!std::filesystem::exists(facts.program)) return nullptr;
  std::string conf = filled_in(facts.conf, "@PORT@", port);
  conf = filled_in(conf, "@SERVER@", std::to_string(server_port));
  conf = filled_in(conf, "@TOKEN@", token);
  std::ofstream(folder + "/conf") << filled_in(conf, "@FOLDER@", folder);
  ProcessOptions options{.command = {facts.program}};
  for (const std::string& argument : facts.arguments) options.command.push_back(argument);
  proxy->process_.emplace(options);
  proxy->wait_until_it_listens();
  return proxy;
}

void Proxy::wait_until_it_listens() {
  const auto deadline = std::chrono::steady_clock::now() + start_time_max;
  for (;;) {
    try {
      HttpClient(port_).connect();
      return;
    } catch (const std::runtime_error&) {
      if (process_->has_ended() || std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("the proxy did not start: " + process_->err() + process_->out());
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

// Asked, not killed: killed it would leave its workers.
Proxy::~Proxy() {
  if (!process_) return;
  try {
    process_->send(SIGTERM);
    process_->wait();
  } catch (const std::runtime_error&) {
    // It has been killed instead.
  }
}

}  // namespace fluxgate::testing
